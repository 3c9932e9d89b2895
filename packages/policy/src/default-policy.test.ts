import { seededRandom } from '@damselfly/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDefaultPolicy } from './default-policy.ts'
import type { Candidate, ParentPolicy, ParentView, Place } from './parent-policy.ts'
import { randomPolicy } from './random-policy.ts'

const usual: Candidate = {
  place: {},
  capacity: 1e9,
  outDegree: 0,
  heldPieces: 10,
  usefulPieces: 10,
  failures: 0,
}

function viewOf(candidates: (Partial<Candidate> | undefined)[], child: Place = {}): ParentView {
  return {
    child,
    size: candidates.length,
    candidate: (index) => {
      const candidate = candidates[index]
      return candidate === undefined ? undefined : { ...usual, ...candidate }
    },
  }
}

const choose = (view: ParentView, k = 4, seed = 1) =>
  createDefaultPolicy().parents(view, k, seededRandom(seed))

describe.each([createDefaultPolicy(), randomPolicy])('policy $name', (policy: ParentPolicy) => {
  test('names at most k distinct usable candidates, the same ones for the same chance', () => {
    const candidate = fc.option(
      fc.record({
        place: fc.constantFrom({}, { idc: 'a' }, { location: 'r|1' }, { location: 'r|2' }),
        capacity: fc.constantFrom(0, 1e8, 1e9),
        outDegree: fc.nat(50),
        heldPieces: fc.nat(5),
        usefulPieces: fc.nat(5),
        failures: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { nil: undefined },
    )
    const child = fc.constantFrom<Place>({}, { idc: 'a', location: 'r|1' })
    fc.assert(
      fc.property(
        fc.array(candidate, { maxLength: 300 }),
        child,
        fc.integer({ min: 1, max: 16 }),
        fc.nat(),
        (candidates, place, k, seed) => {
          const view = viewOf(candidates, place)
          const chosen = policy.parents(view, k, seededRandom(seed))
          expect(chosen.length).toBeLessThanOrEqual(k)
          expect(new Set(chosen).size).toBe(chosen.length)
          for (const index of chosen) expect(view.candidate(index)).toBeDefined()
          expect(policy.parents(view, k, seededRandom(seed))).toEqual(chosen)
        },
      ),
    )
  })

  test('takes everybody when there are no more than k', () => {
    const view = viewOf([{}, undefined, {}, {}])
    expect([...policy.parents(view, 4, seededRandom(1))].sort()).toEqual([0, 2, 3])
  })

  test('looks at a bounded number of candidates, however large the swarm is', () => {
    let looks = 0
    const view: ParentView = {
      child: { idc: 'a' },
      size: 1_000_000,
      candidate: () => {
        looks += 1
        return usual
      },
    }
    policy.parents(view, 4, seededRandom(1))
    expect(looks).toBeLessThan(400)
  })
})

test('an idle uplink is better than a busy one, a wide one better than a narrow one', () => {
  const view = viewOf([{ outDegree: 3 }, {}, { capacity: 2e9 }, { outDegree: 1 }])
  expect(choose(view)).toEqual([2, 1, 3, 0])
})

test('an unknown uplink counts as an average one', () => {
  const view = viewOf([{ capacity: 1e9 }, { capacity: 0 }, { capacity: 3e9 }])
  expect(choose(view)).toEqual([2, 1, 0])
})

test('who holds something useful comes before who holds nothing yet, and that before who has nothing to give', () => {
  const view = viewOf([{ usefulPieces: 0 }, { usefulPieces: 0, heldPieces: 0 }, {}])
  expect(choose(view)).toEqual([2, 1, 0])
})

test('failures push a host back', () => {
  expect(choose(viewOf([{ failures: 1 }, { failures: 0.5 }, {}]))).toEqual([2, 1, 0])
})

test('near hosts are preferred, and one parent of four comes from outside the rack', () => {
  const child = { idc: 'I1', location: 'r1|z1|k1' }
  const rack = { place: { idc: 'i1', location: 'R1|z1|k1' } }
  const idc = { place: { idc: 'i1', location: 'r1|z1|k2' } }
  const far = { place: { idc: 'i2', location: 'r2|z1|k1' } }
  const view = viewOf([far, idc, rack, rack, rack, rack, far, far], child)
  for (let seed = 0; seed < 50; seed++) {
    const chosen = choose(view, 4, seed)
    expect(chosen, `seed ${seed}`).toHaveLength(4)
    expect(chosen.filter((i) => i >= 2 && i <= 5)).toHaveLength(3)
  }
})

test('without anybody in the rack the best of the others are taken', () => {
  const view = viewOf(
    [
      { place: { idc: 'other' } },
      { place: { idc: 'mine', location: 'r|2' } },
      { place: { location: 'r|3' } },
    ],
    { idc: 'mine', location: 'r|1' },
  )
  expect(choose(view, 2)).toEqual([1, 2])
})

test('a host with as many children as its uplink carries comes last', () => {
  const view = viewOf([
    { capacity: 8e9, outDegree: 63 },
    { capacity: 1e6, outDegree: 0 },
  ])
  expect(choose(view, 2)).toHaveLength(2)
  const crowded = viewOf([
    { outDegree: 8, capacity: 100e9 },
    { outDegree: 17, capacity: 90e9 },
  ])
  expect(choose(crowded, 1)).toEqual([0])
})
