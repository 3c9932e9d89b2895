import { beforeEach, describe, expect, it } from 'vitest'
import { SwarmTally } from './swarm-tally.ts'

const mib = 1024 ** 2
const content = { contentLength: 100 * mib, pieceCount: 100 }
const start = { now: 1_000, isWarm: false }
const member = { uplink: 10 * mib, idc: 'a' }

let tally: SwarmTally
beforeEach(() => {
  tally = new SwarmTally({ arm: 'control', taskId: 'task', bornAt: 1_000 })
})

/** Peer `p<i>` takes 10 + i seconds. */
function run(peers: number, change: Partial<typeof member> = {}): void {
  for (let index = 0; index < peers; index++) {
    tally.joined(`p${index}`, { ...member, ...change }, start)
  }
  for (let index = 0; index < peers; index++) tally.finished(`p${index}`, 11_000 + 1_000 * index)
}

describe('SwarmTally', () => {
  it('sums a swarm up', () => {
    tally.describe(content)
    tally.seedJoined('s', member)
    run(4)
    tally.received({ origin: 0, seed: 100 * mib, near: 200 * mib, far: 90 * mib })
    tally.received({ origin: 0, seed: 0, near: 0, far: 10 * mib })
    tally.decided(20)
    tally.decided(30)
    expect(tally.record()).toEqual({
      arm: 'control',
      taskId: 'task',
      bornAt: 1_000,
      endedAt: 14_000,
      peers: 4,
      failedPeers: 0,
      ...content,
      isWarm: false,
      idc: 'a',
      boundSeconds: 10,
      meanSeconds: 11.5,
      p99Seconds: 13,
      bytes: { origin: 0, seed: 100 * mib, near: 200 * mib, far: 100 * mib },
      crossIdcBytes: 0,
      decisionP99Us: 30,
    })
  })

  it('counts downloads that fail, and none twice', () => {
    tally.describe(content)
    run(3)
    tally.joined('x', member, start)
    tally.joined('x', member, { now: 5_000, isWarm: true })
    tally.failed('x', 20_000)
    tally.failed('x', 30_000)
    tally.finished('x', 30_000)
    expect(tally.active).toBe(0)
    expect(tally.record()).toMatchObject({
      peers: 4,
      failedPeers: 1,
      endedAt: 20_000,
      p99Seconds: 12,
    })
  })

  it('takes a peer for the source where there is no seed', () => {
    tally.describe(content)
    run(3)
    // Three copies through three uplinks of ten seconds per copy.
    expect(tally.record()?.boundSeconds).toBe(10)
  })

  it('takes hosts that declare nothing for average ones', () => {
    tally.describe(content)
    tally.seedJoined('s', { ...member, uplink: 0 })
    tally.joined('silent', { ...member, uplink: 0 }, start)
    run(3, { uplink: 5 * mib })
    expect(tally.record()?.boundSeconds).toBe(20)
  })

  it('names the data centre, unless there are several', () => {
    tally.describe(content)
    run(2)
    expect(tally.record()?.idc).toBe('a')
    tally.joined('other', { ...member, idc: 'b' }, start)
    expect(tally.record()?.idc).toBe('*')
  })

  it('says nothing of a swarm that cannot be compared', () => {
    expect(tally.record()).toBeUndefined()
    run(2, { uplink: 0 })
    expect(tally.record()).toBeUndefined()
    tally.describe(content)
    expect(tally.record()).toBeUndefined()
  })

  it('is warm when somebody held the content as the first peer came', () => {
    tally.describe(content)
    tally.joined('first', member, { now: 1_000, isWarm: true })
    run(2)
    expect(tally.record()?.isWarm).toBe(true)
  })

  it('knows the bytes between data centres where it was told of all', () => {
    const bytes = { origin: 0, seed: 0, near: mib, far: mib }
    tally.describe(content)
    run(2)
    tally.seedJoined('s', { ...member, idc: 'b' })
    tally.received(bytes, mib)
    tally.received(bytes, 0)
    expect(tally.record()?.crossIdcBytes).toBe(mib)
    tally.received(bytes)
    expect(tally.record()).not.toHaveProperty('crossIdcBytes')
  })

  it('knows no bytes when nobody reported any', () => {
    tally.describe(content)
    run(2)
    expect(tally.record()).not.toHaveProperty('bytes')
  })
})
