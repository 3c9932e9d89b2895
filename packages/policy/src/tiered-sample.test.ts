import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { Candidates } from './candidates.ts'
import { ListSwarm, type MemberTraits } from './list-swarm.ts'
import { tierOf } from './proximity.ts'
import { rankingParams } from './ranking-params.ts'
import { TieredSample } from './tiered-sample.ts'

const params = rankingParams.parse({})
const child: MemberTraits = { rack: 1, idc: 1, region: 1, have: 0, inDegree: 0 }
const places = {
  rack: { rack: 1, idc: 1, region: 1 },
  idc: { rack: 2, idc: 1, region: 1 },
  region: { rack: 3, idc: 2, region: 1 },
  far: { rack: 4, idc: 3, region: 2 },
}

/** How many of the sample are in the rack, data centre and region of the child, and farther off. */
function tiers(members: readonly [keyof typeof places, number][], seed: number): number[] {
  const view = new ListSwarm({ capacity: 5000 })
  view.add(child)
  for (const [place, count] of members) {
    for (let i = 0; i < count; i++) view.add(places[place])
  }
  const into = new Candidates(100)
  into.start(view, 0)
  new TieredSample(params).fill(into, view, 0, 12, seededRandom(seed))
  const counts = [0, 0, 0, 0]
  for (const id of into.ids.subarray(0, into.size)) {
    const tier = tierOf(view.host, 0, id)
    counts[tier] = (counts[tier] ?? 0) + 1
  }
  return counts
}

const seeds = Array.from({ length: 50 }, (_, i) => i)

test.each(seeds)(
  'three quarters are from the rack, then data centre, region, anybody (seed %i)',
  (seed) => {
    const everywhere = tiers(
      [
        ['rack', 100],
        ['idc', 1000],
        ['region', 1000],
        ['far', 1000],
      ],
      seed,
    )
    expect(everywhere).toEqual([18, 3, 1, 2])
  },
)

test('what the rack lacks comes from the data centre, what that lacks from farther off', () => {
  expect(
    tiers(
      [
        ['rack', 2],
        ['idc', 2000],
        ['region', 40],
        ['far', 40],
      ],
      1,
    )[1],
  ).toBeGreaterThan(16)
  expect(
    tiers(
      [
        ['rack', 18],
        ['region', 1000],
        ['far', 1000],
      ],
      1,
    ),
  ).toEqual([18, 0, 4, 2])
  expect(
    tiers(
      [
        ['rack', 18],
        ['far', 1000],
      ],
      1,
    ),
  ).toEqual([18, 0, 0, 6])
})

test('what the others lack comes from the rack', () => {
  expect(tiers([['rack', 1000]], 1)).toEqual([24, 0, 0, 0])
  expect(
    tiers(
      [
        ['rack', 10],
        ['far', 3],
      ],
      1,
    ),
  ).toEqual([10, 0, 0, 3])
})
