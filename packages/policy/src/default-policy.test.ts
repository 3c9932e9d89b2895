import { seededRandom } from '@damselfly/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultPolicy } from './default-policy.ts'
import { ListSwarm, type MemberTraits } from './list-swarm.ts'
import { peerPhase } from './swarm-view.ts'

const needy: MemberTraits = { have: 0, inDegree: 0 }

/** The child is member 0, the others follow. */
function swarmOf(others: readonly MemberTraits[], child: MemberTraits = {}): ListSwarm {
  const view = new ListSwarm({ capacity: others.length + 1 })
  view.add({ ...needy, ...child })
  for (const other of others) view.add(other)
  return view
}

interface Asked {
  readonly k?: number
  readonly seed?: number
  readonly old?: readonly number[]
  readonly params?: object
}

function choose(view: ListSwarm, { k = 4, seed = 1, old = [], params = {} }: Asked = {}): number[] {
  const out = new Int32Array(k)
  const policy = defaultPolicy.create(params)
  const count = policy.parents(view, 0, k, seededRandom(seed), out, Int32Array.from(old))
  return [...out.subarray(0, count)]
}

describe('of a few holders the first is', () => {
  test('the idle one, the wide one', () => {
    const view = swarmOf([{ outDegree: 3 }, {}, { upCapacity: 2e8 }, { outDegree: 1 }])
    expect(choose(view)).toEqual([3, 2, 4, 1])
  })

  test('an average one when its uplink is unknown', () => {
    const view = swarmOf([{ upCapacity: 1e8 }, { upCapacity: 0 }, { upCapacity: 3e8 }], {
      upCapacity: 0,
    })
    expect(choose(view)).toEqual([3, 2, 1])
  })

  test('the one that holds something useful, then who has nothing yet, then who has nothing to give', () => {
    const view = swarmOf([{ have: 5 }, { have: 0 }, { have: 6 }], { have: 5 })
    expect(choose(view)).toEqual([3, 2, 1])
  })

  test('the healthy one', () => {
    const view = swarmOf([{ failures: 1 }, { slowness: 1 }, { failures: 0.25 }, {}])
    expect(choose(view)).toEqual([4, 3, 2, 1])
  })

  test('the one that sends most, once that has been measured often enough and is less than declared', () => {
    const view = swarmOf([
      { upEstimate: 2e7, upSamples: 8 },
      { upEstimate: 1e7, upSamples: 7 },
      { upEstimate: 9e8, upSamples: 100 },
      { upCapacity: 0, upEstimate: 5e8, upSamples: 8 },
    ])
    expect(choose(view)[0]).toBe(4)
    expect(choose(view)[3]).toBe(1)
  })

  test('the one that is connected: it has this load already, and needs no connection', () => {
    const roomy = { degreeFactor: 10 }
    const equal = swarmOf([{ outDegree: 1 }, { outDegree: 2 }])
    expect(choose(equal, { k: 1, old: [2], params: { ...roomy, keepFactor: 1 } })).toEqual([2])
    const worse = swarmOf([{ outDegree: 1 }, { outDegree: 3 }])
    expect(choose(worse, { k: 1, old: [2], params: { ...roomy, keepFactor: 1 } })).toEqual([1])
    expect(choose(worse, { k: 1, old: [2], params: roomy })).toEqual([2])
    const muchWorse = swarmOf([{}, { outDegree: 3 }])
    expect(choose(muchWorse, { k: 1, old: [2], params: roomy })).toEqual([1])
  })
})

describe('in racks', () => {
  const rackSize = 40
  const racks = 25
  /** Rack r is in data centre r % 5 + 1; 1 to 3 are in region 1, the others in 2. */
  const placeOf = (rack: number): MemberTraits => {
    const idc = (rack % 5) + 1
    return { rack: rack + 1, idc, region: idc <= 3 ? 1 : 2 }
  }
  const racked = (childPlace: MemberTraits): ListSwarm => {
    const others = Array.from({ length: racks * rackSize }, (_, i) => placeOf(i % racks))
    return swarmOf(others, childPlace)
  }
  const rackOf = (view: ListSwarm, id: number): number | undefined => view.host.rack[id]

  test('twelve of sixteen parents are in the rack of the child, four are not', () => {
    const view = racked(placeOf(0))
    for (let seed = 0; seed < 100; seed++) {
      const parents = choose(view, { k: 16, seed })
      const isNear = parents.map((id) => rackOf(view, id) === 1)
      expect(isNear, `seed ${seed}`).toEqual(Array.from({ length: 16 }, (_, i) => i < 12))
    }
  })

  test('some parents come from outside the data centre, so that it is no island', () => {
    const view = racked(placeOf(0))
    let outside = 0
    for (let seed = 0; seed < 100; seed++) {
      const parents = choose(view, { k: 16, seed })
      outside += parents.filter((id) => view.host.idc[id] !== 1).length
    }
    expect(outside).toBeGreaterThan(50)
  })

  test('those from outside are the better ones of two', () => {
    const near = Array.from({ length: 20 }, () => placeOf(0))
    const far = Array.from({ length: 20 }, (_, i) => ({ ...placeOf(1), outDegree: 10 * (i % 2) }))
    const view = swarmOf([...near, ...far], placeOf(0))
    const chosen = Array.from({ length: 200 }, (_, seed) => choose(view, { seed })).flat()
    const outside = chosen.filter((id) => rackOf(view, id) !== 1)
    const idle = outside.filter((id) => view.host.outDegree[id] === 0)
    // Three of four; a single choice would give half.
    expect(idle.length / outside.length).toBeGreaterThan(0.65)
  })

  test('without anybody in the rack the nearest ones are taken', () => {
    const view = swarmOf(
      [
        { rack: 9, idc: 9, region: 9 },
        { rack: 8, idc: 1, region: 1 },
        { rack: 7, region: 1 },
      ],
      { rack: 1, idc: 1, region: 1 },
    )
    expect(choose(view, { k: 2 })).toEqual([2, 3])
  })

  test('one parent at least comes from outside, when there is one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), fc.nat(1000), (k, seed) => {
        const near = Array.from({ length: 20 }, () => placeOf(0))
        const view = swarmOf([...near, placeOf(1), placeOf(2)], placeOf(0))
        const far = choose(view, { k, seed }).filter((id) => rackOf(view, id) !== 1)
        expect(far.length).toBe(Math.min(2, Math.max(1, Math.floor(k / 4))))
      }),
    )
  })

  test('a child that did not say where it is takes anybody', () => {
    const view = racked({})
    const parents = new Set(Array.from({ length: 20 }, (_, seed) => choose(view, { seed })).flat())
    expect(new Set([...parents].map((id) => rackOf(view, id))).size).toBeGreaterThan(15)
  })
})

describe('a host that has twice k children, scaled by its uplink,', () => {
  test('gets no more while others are free', () => {
    const mixed = Array.from({ length: 400 }, (_, i) => ({
      upCapacity: i % 4 === 0 ? 3e8 : 1e8,
      outDegree: i % 2 === 0 ? 200 : 0,
    }))
    const view = swarmOf(mixed)
    for (let seed = 0; seed < 200; seed++) {
      const busy = choose(view, { seed }).filter((id) => (view.host.outDegree[id] ?? 0) > 0)
      expect(busy, `seed ${seed}`).toEqual([])
    }
  })

  test('comes last however near it is', () => {
    const near = { rack: 1, outDegree: 8 }
    const far = { rack: 2, outDegree: 7 }
    const asked = { params: { farShare: 0 }, k: 4 }
    expect(choose(swarmOf([near, near, near, far], { rack: 1 }), asked)[0]).toBe(4)
    const room = { ...near, outDegree: 7 }
    expect(choose(swarmOf([near, near, room, far], { rack: 1 }), asked)[0]).toBe(3)
    const wide = { ...near, upCapacity: 2e8, outDegree: 10 }
    expect(choose(swarmOf([near, near, wide, far], { rack: 1 }), asked)[0]).toBe(3)
  })

  test('is better than nobody', () => {
    expect(choose(swarmOf([{ outDegree: 60_000 }]))).toEqual([1])
  })
})

describe('a seed', () => {
  const ordinary = (count: number, traits: MemberTraits = {}): MemberTraits[] =>
    Array.from({ length: count }, () => traits)
  const slowSeed: MemberTraits = { isSeed: true, upCapacity: 1e6 }

  test('is a parent of everybody while the swarm has no more than 2k members', () => {
    expect(choose(swarmOf([slowSeed, ...ordinary(6)]))).toContain(1)
    expect(choose(swarmOf([slowSeed, ...ordinary(7)]))).not.toContain(1)
  })

  test('is a parent of everybody while less than k hold something', () => {
    const few = [slowSeed, ...ordinary(2), ...ordinary(30, { have: 0 })]
    expect(choose(swarmOf(few))).toContain(1)
    const many = [slowSeed, ...ordinary(5), ...ordinary(30, { have: 0 })]
    expect(choose(swarmOf(many))).not.toContain(1)
  })

  test('is left alone when it has all the children that it can carry', () => {
    const full = { ...slowSeed, upCapacity: 1e8, outDegree: 8 }
    expect(choose(swarmOf([full, ...ordinary(7)]), { params: { seedFactor: 9 } })).not.toContain(1)
  })

  test('may be one that has only begun', () => {
    const starting = { ...slowSeed, have: 0, phase: peerPhase.atSource }
    expect(choose(swarmOf([starting, ...ordinary(30, { have: 0 })]))).toContain(1)
  })

  test('takes the last place, not that of the best parent', () => {
    const view = swarmOf([slowSeed, { upCapacity: 9e8 }, ...ordinary(3)])
    const parents = choose(view)
    expect(parents[0]).toBe(2)
    expect(parents.indexOf(1)).toBe(3)
  })
})

test.each([
  { where: 'at unknown places', place: {}, other: {} },
  { where: 'in another rack', place: { rack: 1 }, other: { rack: 2 } },
])(
  'who will hold something soon, $where, counts only while less than k hold something',
  (given) => {
    const holder = { ...given.other }
    const soon = { ...given.other, have: 0 }
    expect(choose(swarmOf([holder, soon, soon], given.place))).toHaveLength(3)
    const many = [holder, holder, holder, holder, ...Array.from({ length: 50 }, () => soon)]
    expect(choose(swarmOf(many, given.place)).sort()).toEqual([1, 2, 3, 4])
  },
)
