import { seededRandom, sleep, systemClock } from '@damselfly/core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Constellation, startConstellation } from '../src/constellation.ts'
import type { DownloadOptions, DownloadResult } from '../src/download-via.ts'
import { type Origin, startOrigin } from '../src/origin-server.ts'
import { sha256File } from '../src/sha256-file.ts'

// The promise of the product: however many ask, the origin sends each byte about once.

const MiB = 1024 * 1024
const peers = 20
const allowed = 1.02

let origin: Origin
let swarm: Constellation | undefined

beforeAll(async () => {
  origin = await startOrigin()
})
afterEach(async () => {
  await swarm?.stop()
  swarm = undefined
})
afterAll(() => origin.stop())

let files = 0
const publish = (sizeBytes: number): { path: string; url: string } => {
  files += 1
  const path = `/file-${files}`
  return { path, url: origin.put(path, { sizeBytes, seed: files }) }
}

/** All peers download at once, or each after a random pause with this mean. */
async function everybody(
  url: string,
  {
    meanPauseMs = 0,
    ...options
  }: { meanPauseMs?: number } & Omit<DownloadOptions, 'outputPath'> = {},
): Promise<DownloadResult[]> {
  const random = seededRandom(files)
  let at = 0
  return Promise.all(
    swarm!.peers.map(async (peer) => {
      at += -Math.log(1 - random.next()) * meanPauseMs
      if (at > 0) await sleep(systemClock, at)
      return peer.download(url, { ...options, outputPath: peer.output(`out-${files}`) })
    }),
  )
}

async function expectOutputs(path: string, range?: { start: number; length: number }) {
  const digest = await origin.digest(path, range)
  for (const peer of swarm!.peers) {
    expect(await sha256File(peer.output(`out-${files}`)), peer.name).toBe(digest)
  }
}

const sizes: [string, number][] = [
  ['1 byte', 1],
  ['1 KiB', 1024],
  ['3 MiB', 3 * MiB],
  ['5 MiB', 5 * MiB],
  ['64 MiB', 64 * MiB],
]

describe.each([
  ['a seed', 1],
  ['no seed', 0],
])(`${peers} peers with %s`, (_what, seeds) => {
  it.each(sizes)('who start at once read %s from the origin once', async (_name, sizeBytes) => {
    swarm = await startConstellation({ peers, seeds })
    const { path, url } = publish(sizeBytes)
    await everybody(url)
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(sizeBytes * allowed)
    expect(origin.counters(path).bodyBytes).toBeGreaterThanOrEqual(sizeBytes)
    await expectOutputs(path)
  })

  it.each(sizes)(
    'who come in a Poisson stream read %s from the origin once',
    async (_name, sizeBytes) => {
      swarm = await startConstellation({ peers, seeds })
      const { path, url } = publish(sizeBytes)
      await everybody(url, { meanPauseMs: 15 })
      expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(sizeBytes * allowed)
      await expectOutputs(path)
    },
  )

  it('who want the same range read only its pieces, once', async () => {
    swarm = await startConstellation({ peers, seeds })
    const { path, url } = publish(64 * MiB)
    const range = { start: 10 * MiB + 1, length: 7 * MiB }
    await everybody(url, { range })
    // Pieces of 4 MiB: bytes 8 to 20 MiB.
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(12 * MiB * allowed)
    await expectOutputs(path, range)
  })

  it('who want a range of a small file read it once', async () => {
    swarm = await startConstellation({ peers, seeds })
    const { path, url } = publish(1000)
    const range = { start: 10, length: 20 }
    await everybody(url, { range })
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(1000 * allowed)
    await expectOutputs(path, range)
  })

  it('who want ranges that overlap read their union once', async () => {
    swarm = await startConstellation({ peers, seeds })
    const { path, url } = publish(64 * MiB)
    const rangeOf = (i: number) => ({ start: i * 2 * MiB, length: 8 * MiB })
    await Promise.all(
      swarm.peers.map((peer, i) =>
        peer.download(url, { range: rangeOf(i), outputPath: peer.output('part') }),
      ),
    )
    // The last range ends at 46 MiB, in the piece that ends at 48 MiB.
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(48 * MiB * allowed)
    for (const [i, peer] of swarm.peers.entries()) {
      expect(await sha256File(peer.output('part')), peer.name).toBe(
        await origin.digest(path, rangeOf(i)),
      )
    }
  })
})

describe('a swarm', () => {
  it('asks the origin how long the content is once, not once a peer', async () => {
    swarm = await startConstellation({ peers, seeds: 1 })
    const { path, url } = publish(5 * MiB)
    await everybody(url)
    expect(origin.counters(path).headRequests).toBe(1)
  })

  it('spares the seed: peers who start together give each other what it told only one of them', async () => {
    swarm = await startConstellation({ peers: 8, seeds: 1 })
    const { path, url } = publish(64 * MiB)
    origin.misbehave(path, { kind: 'slow', bytesPerSec: 8 * MiB, method: 'GET' })
    const results = await everybody(url)
    const fromSeed = results.reduce((sum, { bytesFromSeeds }) => sum + bytesFromSeeds, 0)
    const fromPeers = results.reduce((sum, { bytesFromPeers }) => sum + bytesFromPeers, 0)
    expect(fromSeed + fromPeers).toBe(8 * 64 * MiB)
    expect(fromSeed / (64 * MiB)).toBeLessThan(6)
    await expectOutputs(path)
  })

  it('learns once that the origin refuses', async () => {
    swarm = await startConstellation({ peers, seeds: 1 })
    const { path, url } = publish(5 * MiB)
    origin.misbehave(path, { kind: 'status', code: 404 })
    const outcomes = await Promise.allSettled(swarm.peers.map((peer) => peer.download(url)))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SourceRefused' } })
    }
    expect(origin.counters(path).requests).toBeLessThanOrEqual(4)
  })

  it('downloads an empty file', async () => {
    swarm = await startConstellation({ peers: 3, seeds: 1 })
    const { path, url } = publish(0)
    await everybody(url)
    await expectOutputs(path)
  })

  it('serves later comers without the origin', async () => {
    swarm = await startConstellation({ peers: 2 })
    const { path, url } = publish(9 * MiB)
    const [first, second] = swarm.peers
    await first!.download(url)
    const later = await second!.download(url)
    expect(later.bytesFromPeers).toBe(9 * MiB)
    expect(origin.counters(path).bodyBytes).toBe(9 * MiB)
  })

  it('goes to the origin when the scheduler is not there', async () => {
    swarm = await startConstellation({ peers: 2 })
    await swarm.scheduler!.stop()
    const { path, url } = publish(5 * MiB)
    await everybody(url)
    await expectOutputs(path)
  })
})
