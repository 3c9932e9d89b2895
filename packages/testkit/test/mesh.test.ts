import { Scheduler } from '@damselfly/api/scheduler'
import { isDfError, silentLog, sleep, systemClock } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { openChannel } from '@damselfly/rpc'
import { schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import { expect, it, onTestFinished } from 'vitest'
import { type ConstellationOptions, type Member, startConstellation } from '../src/constellation.ts'
import { startOrigin } from '../src/origin-server.ts'
import { sha256File } from '../src/sha256-file.ts'

// Daemons that exchange pieces with each other, over real sockets.

const MiB = 1024 * 1024

async function startSwarm(options: ConstellationOptions) {
  const origin = await startOrigin()
  const swarm = await startConstellation(options)
  onTestFinished(async () => {
    await swarm.stop()
    await origin.stop()
  })
  return { origin, swarm }
}

async function uploadedBytes({ daemon }: Member): Promise<number> {
  const { host, port } = daemon.endpoints.metrics
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
  return Number(/^dragonfly_client_upload_traffic\S* (\d+)/m.exec(text)?.[1] ?? 0)
}

it('a seed sends each piece about once, and the peers give each other the rest', async () => {
  const peers = 6
  const { origin, swarm } = await startSwarm({ seeds: 1, peers })
  const sizeBytes = 64 * MiB
  const url = origin.put('/f', { sizeBytes, seed: 1 })
  // The seed has all before anybody comes.
  const [seed] = swarm.seeds as [Member]
  await seed.download(url)
  await Promise.all(
    swarm.peers.map((peer) => peer.download(url, { outputPath: peer.output('copy') })),
  )
  const digest = await origin.digest('/f')
  for (const peer of swarm.peers) expect(await sha256File(peer.output('copy'))).toBe(digest)
  const fromPeers = await Promise.all(swarm.peers.map(uploadedBytes))
  const fromSeed = await uploadedBytes(seed)
  const sent = fromSeed + fromPeers.reduce((sum, bytes) => sum + bytes, 0)
  expect(sent / (peers * sizeBytes)).toBeLessThan(1.05)
  expect(fromSeed / sizeBytes).toBeLessThan(2.5)
})

it('a download goes on when its parents die, without the origin', async () => {
  const { origin, swarm } = await startSwarm({
    peers: 4,
    // So that somebody is left when the others go.
    daemonConfig: { upload: { bandwidthLimit: '30MiB' } },
  })
  const sizeBytes = 64 * MiB
  const url = origin.put('/f', { sizeBytes, seed: 1 })
  const [first, second, third, child] = swarm.peers as [Member, Member, Member, Member]
  await first.download(url)
  await second.download(url)
  await third.download(url)
  const outputPath = child.output('copy')
  let pieces = 0
  let dying: Promise<unknown> | undefined
  const { bytesFromOrigin } = await child.download(url, {
    outputPath,
    onMessage: ({ response }) => {
      if (response.case === 'downloadPieceFinishedResponse') pieces += 1
      if (pieces === 4) dying = Promise.all([first.stop(), second.stop()])
    },
  })
  await dying
  expect(bytesFromOrigin).toBe(0)
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
})

it('a scheduler that starts anew learns what is where before it sends anybody to the origin', async () => {
  const { origin, swarm } = await startSwarm({ peers: 3 })
  const url = origin.put('/f', { sizeBytes: 24 * MiB, seed: 1 })
  const [first, second, third] = swarm.peers as [Member, Member, Member]
  await first.download(url)
  const { taskId } = await second.download(url)
  const port = Number(swarm.schedulerAddress.split(':').at(-1))
  await swarm.scheduler?.stop()
  const server = { listenIP: '127.0.0.1', advertiseIP: '127.0.0.1', port }
  const config = loadConfig({ schema: schedulerConfigSchema, overrides: { server } })
  const renewed = await startScheduler(config, { log: silentLog })
  onTestFinished(() => renewed.stop())
  await knows(port, taskId)
  const outputPath = third.output('copy')
  const { bytesFromOrigin } = await third.download(url, { outputPath })
  expect(bytesFromOrigin).toBe(0)
  expect(await sha256File(outputPath)).toBe(await origin.digest('/f'))
})

/** Resolves when a scheduler has heard of the task. */
async function knows(port: number, taskId: string): Promise<void> {
  const to = { host: '127.0.0.1', port }
  using channel = openChannel(to, { unavailable: 'SchedulerUnavailable' })
  for (;;) {
    try {
      await channel.client(Scheduler).statTask({ taskId })
      return
    } catch (error) {
      if (!isDfError(error, 'TaskNotFound')) throw error
    }
    await sleep(systemClock, 20)
  }
}
