import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { dragonflyPolicy } from './dragonfly-policy.ts'
import { dragonflyScore } from './dragonfly-score.ts'
import { ListSwarm, type MemberTraits } from './list-swarm.ts'
import { type DragonflyBooks, peerPhase } from './swarm-view.ts'

/** 1 Gbit/s. */
const gigabit = 1.25e8

function swarmOf(members: readonly MemberTraits[], books?: DragonflyBooks): ListSwarm {
  const view = new ListSwarm({
    capacity: members.length,
    ...(books === undefined ? {} : { books }),
  })
  for (const member of members) view.add(member)
  return view
}

function emptyBooks(capacity: number): DragonflyBooks {
  return {
    uploadRate: new Float64Array(capacity),
    uploadContent: new Float64Array(capacity),
    uploadPieces: new Uint32Array(capacity),
    costCount: new Uint32Array(capacity),
    costLast: new Float32Array(capacity),
    costMean: new Float32Array(capacity),
    costDeviation: new Float32Array(capacity),
    commonLocation: () => 0,
    isAncestor: () => false,
  }
}

function choose(view: ListSwarm, child = 0, { seed = 1, k = 12, params = {} } = {}): number[] {
  const out = new Int32Array(k)
  const policy = dragonflyPolicy.create(params)
  const count = policy.parents(view, child, k, seededRandom(seed), out, new Int32Array(0))
  return [...out.subarray(0, count)]
}

describe('the score, computed by hand,', () => {
  const child: MemberTraits = { rack: 1, idc: 1, region: 1, have: 0, inDegree: 0 }
  const near: MemberTraits = { rack: 1, idc: 1, region: 1, upCapacity: gigabit }
  const score = (parent: MemberTraits, of: MemberTraits = child): number =>
    dragonflyScore(swarmOf([of, parent]), 0, 1, 8)

  test('of an idle peer next to the child is 0.6 + 0.2 + 0.1 + 0.1 x 0.5', () => {
    expect(score(near)).toBeCloseTo(0.95, 12)
  })

  test('of an idle peer at an unknown place is 0.6 + 0.05', () => {
    expect(score({ upCapacity: gigabit })).toBeCloseTo(0.65, 12)
    expect(score({ upCapacity: gigabit }, {})).toBeCloseTo(0.65, 12)
  })

  test('counts a common region as one element of five', () => {
    const sameRegion = { rack: 2, idc: 2, region: 1, upCapacity: gigabit }
    expect(score(sameRegion)).toBeCloseTo(0.6 + 0.02 + 0.05, 12)
  })

  test('of a peer with two children is 0.6733', () => {
    // 16 pieces of 4 MiB are 536,870,912 bits of 1e9: 0.463129088.
    // 2 GiB are 17,179,869,184 bits in 60 s: 1 - 0.28633115 = 0.71366885.
    // 1e9 / 8 / 16 MiB = 7.4505806 pieces needed, 16 there are: 0.46566129.
    // Load: 0.231564544 + 0.214100654 + 0.093132258 = 0.538797456.
    expect(score({ ...near, outDegree: 2 })).toBeCloseTo(0.6 * 0.538797456 + 0.35, 8)
  })

  test('counts no load of a peer that did not declare its uplink', () => {
    expect(score({ ...near, upCapacity: 0 })).toBeCloseTo(0.35, 12)
  })

  test('gives nothing for concurrency when one piece of 16 MiB is more than the uplink carries in a second', () => {
    expect(score({ ...near, upCapacity: 16 * 1024 * 1024 })).toBeCloseTo(0.6 * 0.8 + 0.35, 12)
  })

  test('never falls below zero in any part', () => {
    expect(score({ ...near, outDegree: 1000 })).toBeCloseTo(
      0.6 * 0.2 * (7.4505806 / 8000) + 0.35,
      8,
    )
  })

  test('prefers seeds that are downloading and puts finished ones behind', () => {
    expect(score({ ...near, isSeed: true, have: 3 })).toBeCloseTo(1, 12)
    expect(score({ ...near, isSeed: true })).toBeCloseTo(0.9, 12)
  })

  test('follows the books where there are some', () => {
    const books = { ...emptyBooks(2), commonLocation: () => 3 }
    books.uploadRate[1] = 2.5e8
    books.uploadContent[1] = 7.5e9 / 2
    books.uploadPieces[1] = 10
    const view = swarmOf([child, near], books)
    // 0.5 x 0.75 + 0.3 x 0.5 + 0.2 x 0.74505806 = 0.674011612
    expect(dragonflyScore(view, 0, 1, 8)).toBeCloseTo(0.6 * 0.674011612 + 0.2 + 0.06 + 0.05, 8)
  })
})

describe('a candidate is', () => {
  const child: MemberTraits = { have: 0, inDegree: 0 }

  test.each<[string, MemberTraits, boolean]>([
    ['whoever finished', {}, true],
    ['whoever downloads from a parent', { have: 1 }, true],
    ['whoever fetches from the origin', { have: 1, inDegree: 0, phase: peerPhase.atSource }, true],
    ['a seed without parents', { have: 1, inDegree: 0, isSeed: true }, true],
    ['nobody who has lost all parents', { have: 1, inDegree: 0 }, false],
    ['nobody who waits', { phase: peerPhase.waiting }, false],
    ['nobody who left', { phase: peerPhase.gone }, false],
    ['nobody who is refused', { isBlocked: true }, false],
  ])('%s', (_who, member, isOne) => {
    expect(choose(swarmOf([child, member]))).toEqual(isOne ? [1] : [])
  })

  test.each([
    { count: 1, last: 900, isOne: true },
    { count: 2, last: 200, isOne: true },
    { count: 2, last: 201, isOne: false },
    { count: 1999, last: 200, isOne: true },
    { count: 2000, last: 25, isOne: true },
    { count: 2000, last: 26, isOne: false },
  ])('judged by the last of $count pieces, which took $last ms after a mean of 10', (given) => {
    const books = emptyBooks(2)
    books.costCount[1] = given.count
    books.costLast[1] = given.last
    books.costMean[1] = 10
    books.costDeviation[1] = 5
    expect(choose(swarmOf([child, {}], books))).toEqual(given.isOne ? [1] : [])
  })

  test('nobody who gets pieces from the child', () => {
    const books = { ...emptyBooks(3), isAncestor: (a: number, b: number) => a === 0 && b === 2 }
    expect(choose(swarmOf([child, {}, {}], books))).toEqual([1])
  })
})

describe('the sample', () => {
  const size = 1000
  const view = swarmOf(Array.from({ length: size }, (_, i) => ({ upCapacity: (i + 1) * gigabit })))
  const params = { parentLimit: 20 }
  const sample = (seed: number): number[] => choose(view, 0, { seed, k: 20, params }).sort()

  test('has fifteen peers, of which the best three are named, best first', () => {
    expect(sample(1).length).toBeGreaterThanOrEqual(14)
    expect(choose(view)).toHaveLength(3)
    expect(choose(view, 0, { k: 2 })).toHaveLength(2)
    const mixed = swarmOf([{ have: 0 }, { outDegree: 9 }, {}, { outDegree: 1 }, { outDegree: 5 }])
    expect(choose(mixed)).toEqual([2, 3, 4])
  })

  test('is a run of one order, so that samples that begin alike go on alike', () => {
    const followers = new Map<number, Set<number>>()
    for (let seed = 0; seed < 3000; seed++) {
      const ids = sample(seed)
      for (const id of ids) {
        const seen = followers.get(id) ?? new Set()
        followers.set(id, seen)
        for (const other of ids) seen.add(other)
      }
    }
    // Of 1,000 peers only the 14 before and the 14 behind are ever seen together with one.
    for (const [id, seen] of followers) expect(seen.size, `peer ${id}`).toBeLessThanOrEqual(29)
    expect(followers.size).toBe(size - 1)
  })
})
