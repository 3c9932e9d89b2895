import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHashFamily, hashFamilyNames } from './create-hash-family.ts'
import type { HashFamily, HashFamilyName } from './hash-family.ts'
import { hrw } from './hrw.ts'

const nodesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.0.${i >> 4}.${i & 15}:8002`)
const keys = Array.from({ length: 20_000 }, (_, i) => `task-${i}`)
/** What unmodified daemons look at is the head of a task id. */
const hexKeys = keys.map((_, i) => (i * 52_429).toString(16).padStart(5, '0').slice(-5))

const keysFor = (name: HashFamilyName): string[] => (name === 'dragonfly' ? hexKeys : keys)

function loads(family: HashFamily): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keysFor(family.name)) {
    const node = family.pick(key)
    counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  return counts
}

function peakOverMean(family: HashFamily, nodeCount: number): number {
  return (Math.max(...loads(family).values()) * nodeCount) / keys.length
}

/** Shares of keys that change their owner although it is still there, when one node goes. */
function needlesslyMoved(name: HashFamilyName, nodes: readonly string[], gone: number): number {
  const before = createHashFamily(name, nodes)
  const after = createHashFamily(name, nodes.toSpliced(gone, 1))
  const moved = keysFor(name).filter((key) => {
    const owner = before.pick(key)
    return owner !== nodes[gone] && after.pick(key) !== owner
  })
  return moved.length / keys.length
}

describe.each(hashFamilyNames)('%s', (name) => {
  test('orders all nodes, the owner first', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.stringMatching(/^[0-9a-f]{5,64}$/),
        (n, key) => {
          const family = createHashFamily(name, nodesOf(n))
          const order = family.order(key)
          expect(order[0]).toBe(family.pick(key))
          expect([...order].sort()).toEqual(nodesOf(n).sort())
        },
      ),
      { numRuns: name === 'maglev' ? 15 : 100 },
    )
  })

  test('spreads the keys of a node that is away over more than one other', () => {
    const family = createHashFamily(name, nodesOf(5))
    const seconds = new Set(
      keysFor(name)
        .slice(0, 2000)
        .map((key) => family.order(key)[1]),
    )
    expect(seconds.size).toBe(5)
  })

  test('refuses to be without nodes, to have one twice, and impossible weights', () => {
    const [node = ''] = nodesOf(1)
    const refusal = expect.objectContaining({ code: 'InvalidArgument' })
    expect(() => createHashFamily(name, [])).toThrow(refusal)
    expect(() => createHashFamily(name, [node, node])).toThrow(refusal)
    for (const weight of [0, -1, Number.NaN, 1001]) {
      expect(() => createHashFamily(name, [node], { weights: new Map([[node, weight]]) })).toThrow(
        refusal,
      )
    }
  })
})

test('an unknown family is answered with those that are known', () => {
  expect(() => createHashFamily('rign', ['a'])).toThrow(
    'There is no hash family "rign"; there are hrw, ring, jump, maglev, dragonfly.',
  )
})

describe('the busiest node has', () => {
  // With 20,000 keys on 10 nodes chance alone makes about 1.035.
  test.each<[HashFamilyName, number, number]>([
    ['hrw', 3, 1.03],
    ['hrw', 10, 1.06],
    ['jump', 3, 1.03],
    ['jump', 10, 1.06],
    ['maglev', 3, 1.03],
    ['maglev', 10, 1.06],
    ['ring', 3, 1.15],
    ['ring', 10, 1.3],
  ])('of the keys of %s on %i nodes at most %f times the mean', (name, count, limit) => {
    expect(peakOverMean(createHashFamily(name, nodesOf(count)), count)).toBeLessThan(limit)
  })

  test('twice the mean and more with one point per node, as on the ring of Dragonfly', () => {
    const onePoint = createHashFamily('ring', nodesOf(10), { points: 1 })
    expect(peakOverMean(onePoint, 10)).toBeGreaterThan(2)
    expect(peakOverMean(createHashFamily('dragonfly', nodesOf(10)), 10)).toBeGreaterThan(2)
  })
})

describe('when one of ten nodes goes', () => {
  test.each<[HashFamilyName]>([['hrw'], ['ring'], ['dragonfly']])(
    'only its keys move with %s, to those that came second',
    (name) => {
      const nodes = nodesOf(10)
      for (const gone of [0, 4, 9]) expect(needlesslyMoved(name, nodes, gone)).toBe(0)
      const before = createHashFamily(name, nodes)
      const after = createHashFamily(name, nodes.slice(1))
      for (const key of keysFor(name).slice(0, 500)) {
        const [owner, second] = before.order(key)
        if (owner === nodes[0]) expect(after.pick(key), key).toBe(second)
      }
    },
  )

  test('hardly any other keys move with maglev', () => {
    for (const gone of [0, 4, 9]) {
      expect(needlesslyMoved('maglev', nodesOf(10), gone)).toBeLessThan(0.015)
    }
  })

  test('no other keys move with jump when it is the last, and very many when it is not', () => {
    expect(needlesslyMoved('jump', nodesOf(10), 9)).toBe(0)
    expect(needlesslyMoved('jump', nodesOf(10), 4)).toBeGreaterThan(0.3)
    expect(needlesslyMoved('jump', nodesOf(10), 0)).toBeGreaterThan(0.5)
  })
})

describe('weights', () => {
  const nodes = nodesOf(4)
  const weights = new Map([
    [nodes[0] as string, 3],
    [nodes[1] as string, 0.5],
  ])

  test.each<[HashFamilyName, number]>([
    ['hrw', 0.05],
    ['maglev', 0.05],
    ['ring', 0.25],
  ])('make the shares of %s, within %f', (name, tolerance) => {
    const counts = loads(createHashFamily(name, nodes, { weights }))
    for (const [i, weight] of [3, 0.5, 1, 1].entries()) {
      const share = ((counts.get(nodes[i] as string) ?? 0) / keys.length) * (5.5 / weight)
      expect(Math.abs(share - 1), `node ${i}`).toBeLessThan(tolerance)
    }
  })

  test('of one node change only its own share with hrw', () => {
    const before = createHashFamily('hrw', nodes, { weights })
    const after = createHashFamily('hrw', nodes, { weights: new Map([...weights, ['more', 1]]) })
    const heavier = createHashFamily('hrw', nodes, {
      weights: new Map([...weights, [nodes[2] as string, 2]]),
    })
    for (const key of keys.slice(0, 2000)) {
      expect(after.order(key)).toEqual(before.order(key))
      const [was, is] = [before.pick(key), heavier.pick(key)]
      expect(is === was || is === nodes[2], key).toBe(true)
    }
  })

  test('that are equal leave the order of hrw as it is', () => {
    const equal = createHashFamily('hrw', nodes, { weights: new Map(nodes.map((n) => [n, 7])) })
    for (const key of keys.slice(0, 200)) expect(equal.order(key)).toEqual(hrw(key, nodes))
  })

  test.each<[HashFamilyName]>([['jump'], ['dragonfly']])('are refused by %s', (name) => {
    expect(() => createHashFamily(name, nodes, { weights })).toThrow('knows no weights')
  })
})

test.each<[HashFamilyName]>([['hrw'], ['ring'], ['maglev'], ['dragonfly']])(
  '%s does not depend on how the nodes are listed',
  (name) => {
    const nodes = nodesOf(6)
    const reversed = createHashFamily(name, nodes.toReversed())
    const family = createHashFamily(name, nodes)
    for (const key of keysFor(name).slice(0, 500)) {
      expect(reversed.order(key)).toEqual(family.order(key))
    }
  },
)
