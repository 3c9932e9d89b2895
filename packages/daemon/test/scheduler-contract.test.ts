import { create } from '@bufbuild/protobuf'
import { PeerSchema } from '@damselfly/api/common'
import { DfError } from '@damselfly/core'
import {
  type Constellation,
  type Origin,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeScheduler, isRegister, needSource, parents } from './fake-scheduler.ts'

// What the daemon says to a scheduler that knows nothing of ours: Dragonfly's protocol to the letter (interop.md 2.5).

const MiB = 1024 * 1024
let origin: Origin
let scheduler: FakeScheduler
let swarm: Constellation

beforeEach(async () => {
  origin = await startOrigin()
  scheduler = new FakeScheduler()
  await scheduler.start()
  swarm = await startConstellation({
    scheduler: false,
    daemonConfig: {
      scheduler: { addrs: [scheduler.address] },
      download: { timing: { reschedulePause: '20ms', starvedAfter: '50ms' } },
    },
  })
})
afterEach(async () => {
  await swarm.stop()
  await scheduler.server.stop()
  await origin.stop()
})

describe('a daemon and a scheduler that speaks only Dragonfly', () => {
  it('announces itself with what Dragonfly validates (T8, T13)', async () => {
    const seed = await swarm.start('seed')
    const { host, interval } = scheduler.hosts[0]!
    expect(host).toMatchObject({
      id: '127.0.0.1-seed-0-seed',
      type: 1,
      ip: '127.0.0.1',
      hostname: 'seed-0',
    })
    expect(host?.port).toBe(seed.daemon.endpoints.grpc.port)
    expect(host?.network?.maxTxBandwidth).toBeGreaterThan(0n)
    expect(interval?.seconds).toBe(300n)
  })

  it('goes back to source as told: 4, 6, a 13 for each piece, 9 (T9: actual lengths are registered)', async () => {
    const peer = await swarm.start('peer')
    scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
    const url = origin.put('/f', { sizeBytes: 9 * MiB, seed: 1 })
    await peer.download(url, { outputPath: peer.output('f') })
    await expect.poll(() => scheduler.cases.at(-1)).toBe('downloadPeerBackToSourceFinishedRequest')
    expect(scheduler.cases).toEqual([
      'registerPeerRequest',
      'downloadPeerBackToSourceStartedRequest',
      ...Array(3).fill('downloadPieceBackToSourceFinishedRequest'),
      'downloadPeerBackToSourceFinishedRequest',
    ])
    const [register] = scheduler.messages
    expect(register?.request.value).toMatchObject({
      download: {
        url,
        actualContentLength: BigInt(9 * MiB),
        actualPieceLength: BigInt(4 * MiB),
        actualPieceCount: 3n,
        concurrentPieceCount: 8,
      },
    })
    expect(register?.request.value).not.toHaveProperty('download.outputPath')
    expect(register?.peerId).toMatch(/^127\.0\.0\.1-peer-0-[0-9a-f-]{36}$/)
  })

  it('hands on the piece length that was asked for: parents compute the same pieces from it (T10)', async () => {
    const peer = await swarm.start('peer')
    scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
    const pieceLength = BigInt(8 * MiB)
    const url = origin.put('/f', { sizeBytes: 9 * MiB, seed: 7 })
    const { pieces } = await peer.download(url, { download: { pieceLength } })
    expect(pieces).toHaveLength(2)
    expect(scheduler.messages[0]?.request.value).toMatchObject({
      download: { pieceLength, actualPieceLength: pieceLength, actualPieceCount: 2n },
    })
  })

  it('asks for other parents when the given one is dead, and echoes it unchanged', async () => {
    const peer = await swarm.start('peer')
    const dead = create(PeerSchema, {
      id: '127.0.0.1-dead-1',
      state: 'Succeeded',
      host: { id: '127.0.0.1-dead', ip: '127.0.0.1', port: 1, hostname: 'dead' },
    })
    scheduler.answer = ({ request }) => {
      if (request.case === 'registerPeerRequest') return parents(dead)
      return request.case === 'reschedulePeerRequest' ? needSource : undefined
    }
    await peer.download(origin.put('/f', { sizeBytes: MiB, seed: 2 }))
    const reschedule = scheduler.messages.find(
      ({ request }) => request.case === 'reschedulePeerRequest',
    )
    expect(reschedule?.request.value).toMatchObject({ candidateParents: [dead] })
    expect(scheduler.cases.slice(0, 2)).toEqual([
      'registerPeerRequest',
      'downloadPeerStartedRequest',
    ])
  })

  it('fetches from a parent: 5, a 12 for each piece with the parent named, 8', async () => {
    const peer = await swarm.start('peer')
    const child = await swarm.start('peer')
    const url = origin.put('/f', { sizeBytes: 5 * MiB, seed: 3 })
    scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
    await peer.download(url)
    scheduler.messages.length = 0
    const parent = create(PeerSchema, {
      id: 'parent-1',
      host: { id: peer.daemon.identity.id, ip: '127.0.0.1', port: peer.daemon.endpoints.grpc.port },
    })
    scheduler.answer = (message) => (isRegister(message) ? parents(parent) : undefined)
    const result = await child.download(url)
    expect(result.bytesFromPeers).toBe(5 * MiB)
    await expect.poll(() => scheduler.cases.at(-1)).toBe('downloadPeerFinishedRequest')
    expect(scheduler.cases).toEqual([
      'registerPeerRequest',
      'downloadPeerStartedRequest',
      'downloadPieceFinishedRequest',
      'downloadPieceFinishedRequest',
      'downloadPeerFinishedRequest',
    ])
    expect(scheduler.messages[2]?.request.value).toMatchObject({ piece: { parentId: 'parent-1' } })
  })

  it('announces itself again when the scheduler has forgotten it (T16)', async () => {
    const peer = await swarm.start('peer')
    let registrations = 0
    scheduler.answer = (message) => {
      if (!isRegister(message)) return undefined
      registrations += 1
      return registrations === 1 ? new DfError('HostNotFound', 'who are you?') : needSource
    }
    await peer.download(origin.put('/f', { sizeBytes: 1, seed: 4 }))
    expect(scheduler.hosts).toHaveLength(2)
    expect(registrations).toBe(2)
  })

  it('reports the origin and the reason when it fails there: 15, 11', async () => {
    const peer = await swarm.start('peer')
    scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
    const url = origin.put('/f', { sizeBytes: MiB, seed: 5 })
    origin.misbehave('/f', { kind: 'status', code: 403, method: 'GET' })
    await expect(peer.download(url)).rejects.toMatchObject({ code: 'SourceRefused' })
    await expect.poll(() => scheduler.cases.at(-1)).toBe('downloadPeerBackToSourceFailedRequest')
    const failed = scheduler.messages.find(
      ({ request }) => request.case === 'downloadPieceBackToSourceFailedRequest',
    )
    expect(failed?.request.value).toMatchObject({
      response: { case: 'backend', value: { statusCode: 403 } },
    })
  })

  it('does not go to the origin when that is disabled, and says so', async () => {
    const peer = await swarm.start('peer')
    scheduler.answer = (message) => (isRegister(message) ? needSource : undefined)
    const url = origin.put('/f', { sizeBytes: MiB, seed: 6 })
    await expect(
      peer.download(url, { download: { disableBackToSource: true } }),
    ).rejects.toMatchObject({
      code: 'NoSource',
    })
    expect(origin.counters('/f').bodyBytes).toBe(0)
  })
})
