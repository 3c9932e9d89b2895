import { once } from 'node:events'
import { createServer } from 'node:net'
import { asTaskId, hrw } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { type Constellation, startConstellation } from '../src/constellation.ts'
import { type Origin, startOrigin } from '../src/origin-server.ts'

// Three schedulers that even out their load: whoever has too much gives new swarms away, each as a whole.

const MiB = 1024 * 1024
const fileCount = 16
const memberCount = 4

let addresses: string[]
let schedulers: RunningScheduler[]
let origin: Origin
let swarm: Constellation

beforeEach(async () => {
  addresses = await Promise.all([1, 2, 3].map(freeAddress))
  schedulers = await Promise.all(addresses.map(startReplica))
  origin = await startOrigin()
  onTestFinished(() => origin.stop())
  swarm = await startConstellation({
    scheduler: false,
    peers: memberCount - 1,
    seeds: 1,
    daemonConfig: { scheduler: { addrs: addresses } },
  })
  onTestFinished(() => swarm.stop())
  await heard()
})

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

async function startReplica(address: string): Promise<RunningScheduler> {
  const [listenIP, port] = address.split(':')
  // What a replica said counts for five intervals: a busy machine must not make it silent.
  const replicas = { address, addresses, interval: '200ms', minPeers: 1 }
  const scheduler = await startScheduler(
    loadConfig({
      schema: schedulerConfigSchema,
      overrides: { server: { listenIP, port: Number(port) }, scheduler: { replicas } },
    }),
  )
  onTestFinished(() => scheduler.stop())
  return scheduler
}

/** All know how many peers each of them has now. */
async function heard(): Promise<void> {
  const truth = schedulers.map(({ core }) => core.state.peers.size)
  for (const { metrics } of schedulers) {
    await expect
      .poll(
        async () => {
          const { values } = (await metrics.getSingleMetric('sched_replica_peers')?.get()) ?? {}
          return addresses.map((at) => values?.find(({ labels }) => labels.replica === at)?.value)
        },
        { timeout: 10_000 },
      )
      .toEqual(truth)
  }
}

/** Each file is downloaded by all peers at once; who knows it then? */
async function download(path: string) {
  const url = origin.put(path, { sizeBytes: MiB, seed: 1 })
  const [first] = await Promise.all(swarm.peers.map((peer) => peer.download(url)))
  await heard()
  const id = asTaskId(first?.taskId ?? '')
  const at = addresses.filter((_, i) => schedulers[i]?.core.statTask(id)?.peerCount)
  return { id, url, at, owner: hrw(id, addresses)[0] }
}

test('new swarms go where there is room, whole, and are found there again', async () => {
  const found = []
  for (let i = 0; i < fileCount; i++) found.push(await download(`/file-${i}`))
  for (const { at } of found) expect(at).toHaveLength(1)
  const moved = found.filter(({ at, owner }) => at[0] !== owner)
  expect(moved.length).toBeGreaterThan(0)
  const peers = schedulers.map(({ core }) => core.state.peers.size)
  const mean = (fileCount * memberCount) / schedulers.length
  expect(peers.reduce((sum, count) => sum + count)).toBe(fileCount * memberCount)
  // One more swarm than what is too much.
  expect(Math.max(...peers)).toBeLessThanOrEqual(1.25 * mean + memberCount)
  const newcomer = await swarm.start('peer')
  for (const { id, url, at } of moved) {
    await newcomer.download(url)
    const known = addresses.filter((_, i) => schedulers[i]?.core.statTask(id)?.peerCount)
    expect(known).toEqual(at)
  }
  for (let i = 0; i < fileCount; i++) {
    expect(origin.counters(`/file-${i}`).bodyBytes).toBe(MiB)
  }
})

test('when the one that took a swarm is lost, one of the others serves it, and the origin is not asked again', async () => {
  let moved: Awaited<ReturnType<typeof download>> | undefined
  let path = ''
  for (let i = 0; i < fileCount && moved === undefined; i++) {
    path = `/file-${i}`
    const one = await download(path)
    if (one.at[0] !== one.owner) moved = one
  }
  const id = asTaskId(moved?.id ?? '')
  const lost = addresses.indexOf(moved?.at[0] ?? '')
  await schedulers[lost]?.stop()
  const newcomer = await swarm.start('peer')
  await newcomer.download(moved?.url ?? '')
  expect(origin.counters(path).bodyBytes).toBe(MiB)
  const known = schedulers.filter((one, i) => i !== lost && one.core.statTask(id)?.peerCount)
  expect(known).toHaveLength(1)
})
