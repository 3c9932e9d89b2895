import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type ExchangeMessage, ExchangeMessageSchema } from '@damselfly/api/peer'
import { AsyncQueue, asTaskId, Bitset, seededRandom, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { PeerIds } from '../announce/peer-ids.ts'
import { LiveTask } from '../download/live-task.ts'
import type { ParentAddress } from '../download/parent-session.ts'
import { PeerBans } from '../download/peer-bans.ts'
import type { MeshDeps, MeshJob } from './mesh-job.ts'
import { createMeshMetrics } from './mesh-metrics.ts'
import { TaskMesh } from './task-mesh.ts'

const taskId = asTaskId('a'.repeat(64))
const [pieceCount, pieceLength] = [4, 1_000]

/** A mesh of a host that has nothing, and what the hosts it is told of say to it. */
function meshOf() {
  const clock = new FakeClock()
  const registry = new Registry()
  const said = new Map<string, AsyncQueue<ExchangeMessage>>()
  const lost: string[] = []
  const exchangeWith = (host: string) => () => said.get(host) ?? new AsyncQueue(0)
  const deps = {
    host: { id: 'me', isSeed: false },
    place: { idc: '', location: '' },
    control: () => ({ ip: '10.0.0.1', port: 4_000 }),
    piecePort: () => 4_005,
    isSharing: true,
    peerIds: new PeerIds(() => 'my-peer'),
    bandwidth: () => ({ uplink: 0, downlink: 0 }),
    bans: new PeerBans(clock),
    metrics: createMeshMetrics(registry),
    clock,
    random: seededRandom(1),
    log: silentLog,
    describe: async () => ({ keepAlive: true }),
    forgetOffer: () => {},
    channels: {
      acquire: ({ host }: { host: string }) => ({
        channel: { client: () => ({ exchange: exchangeWith(host) }) },
        [Symbol.dispose]: () => {},
      }),
    },
  } as unknown as MeshDeps
  const contentLength = pieceCount * pieceLength
  const spec = { taskId, contentLength, pieceLength, responseHeader: { etag: '"1"' } }
  const stored = { have: new Bitset(pieceCount), spec }
  const mesh = new TaskMesh(new LiveTask(stored as never), deps, () => {})
  const job = {
    wanted: { first: 0, end: pieceCount },
    peerId: 'my-peer',
    onLost: ({ hostId }: ParentAddress) => void lost.push(hostId),
    onRefresh: () => {},
    onChange: () => {},
  } as unknown as MeshJob
  const membership = mesh.join(job)
  const say = (
    ip: string,
    message: MessageInitShape<typeof ExchangeMessageSchema>['message'] & {},
  ): void => void said.get(ip)?.push(create(ExchangeMessageSchema, { message }))
  /** Time passes, and these show that they live. */
  const pass = async (ms: number, ...living: readonly string[]): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      await clock.advance(500)
      for (const ip of living) say(ip, { case: 'sending', value: {} })
      await clock.advance(0)
    }
  }
  const meet = async (
    ip: string,
    held: readonly number[],
    { isActive = false, etag = '"1"' } = {},
  ): Promise<void> => {
    const validators = { etag }
    const hello = {
      taskId,
      hostId: ip,
      peerId: ip,
      contentLength: BigInt(contentLength),
      validators,
    }
    said.set(ip, new AsyncQueue<ExchangeMessage>(10))
    const value = { ...hello, pieceLength: BigInt(pieceLength), ip, port: 4_000, piecePort: 4_005 }
    say(ip, { case: 'hello', value })
    say(ip, { case: 'have', value: { numbers: [...held] } })
    say(ip, { case: 'downloading', value: { isActive } })
    membership.meet([{ hostId: ip, peerId: ip, control: { host: ip, port: 4_000 } } as never])
    await clock.advance(0)
  }
  return { lost, meet, pass, registry }
}

it('gives a new neighbour time, however long nothing was to be had from those before', async () => {
  const { lost, meet, pass } = meshOf()
  await meet('10.0.0.2', [], { isActive: true })
  await pass(30_000)
  await meet('10.0.0.3', [0, 1, 2, 3])
  await pass(2_000, '10.0.0.3')
  expect(lost).toEqual([])
  await pass(60_000, '10.0.0.3')
  expect(lost, 'that it has everything and gives nothing').toEqual(['10.0.0.3'])
})

it('has nothing to do with who holds another version of the content', async () => {
  const { lost, meet } = meshOf()
  await meet('10.0.0.2', [0, 1, 2, 3], { etag: '"2"' })
  expect(lost).toEqual(['10.0.0.2'])
})

it('waits for a grant only as long as the neighbour shows that it lives', async () => {
  const { lost, meet, pass, registry } = meshOf()
  await meet('10.0.0.2', [0, 1, 2, 3])
  await meet('10.0.0.3', [0, 1, 2, 3])
  await meet('10.0.0.4', [])
  await pass(1_000, '10.0.0.2')
  expect(lost).toEqual([])
  await pass(1_000, '10.0.0.2')
  expect(lost, 'nothing is expected of one that has nothing').toEqual(['10.0.0.3'])
  const text = await registry.metrics()
  expect(text).toContain('peer_lost_neighbours_total 1')
  expect(text).toContain('peer_parent_switch_total{reason="starved"} 2')
})
