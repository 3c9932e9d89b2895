import { describe, expect, it } from 'vitest'
import { pieceOverhead, type SwarmCapacity, swarmBound } from './swarm-bound.ts'

const gib = 1024 ** 3
const gigabit = 1e9 / 8

const even = (peerCount: number, change: Partial<SwarmCapacity> = {}): SwarmCapacity => ({
  contentLength: gib,
  peerCount,
  seedUplink: gigabit,
  peerUplink: peerCount * gigabit,
  minDownlink: gigabit,
  ...change,
})

describe('swarmBound', () => {
  it('is one copy at line rate when seed and peers have the same links', () => {
    expect(swarmBound(even(1_000))).toBeCloseTo(8.59, 3)
  })

  it.each<[string, number, Partial<SwarmCapacity>]>([
    ['the seed', 17.18, { seedUplink: gigabit / 2 }],
    ['the slowest downlink', 85.9, { minDownlink: gigabit / 10 }],
    // 100 copies through one seed and a hundred peers with a quarter of its uplink: 100 / 26 of a copy.
    ['all uplinks together', 33.04, { peerUplink: 25 * gigabit }],
    ['the origin', 25.77, { originRate: gigabit / 3 }],
  ])('is what %s takes', (_, seconds, change) => {
    expect(swarmBound(even(100, change))).toBeCloseTo(seconds, 1)
  })

  it('is nothing for nobody and for nothing, and endless when nobody sends', () => {
    expect(swarmBound(even(0))).toBe(0)
    expect(swarmBound(even(10, { contentLength: 0 }))).toBe(0)
    expect(swarmBound(even(10, { seedUplink: 0 }))).toBe(Number.POSITIVE_INFINITY)
  })
})

it('pieces cost a doubling each until everybody has one', () => {
  expect(pieceOverhead(1_000, 256)).toBeCloseTo(1.035, 3)
  expect(pieceOverhead(10_000, 64)).toBeCloseTo(1.203, 3)
  expect(pieceOverhead(1, 64)).toBe(1)
  expect(pieceOverhead(0, 0)).toBe(1)
})
