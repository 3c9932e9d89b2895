import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hrw } from './hrw.ts'

const nodes = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}:8002`)
const keys = Array.from({ length: 20_000 }, (_, i) => `task-${i}`)

function shares(of: readonly string[]): Map<string, number> {
  const counts = new Map(of.map((node) => [node, 0]))
  for (const key of keys) {
    const best = hrw(key, of)[0]!
    counts.set(best, (counts.get(best) ?? 0) + 1)
  }
  return counts
}

it('gives every node about the same share', () => {
  const expected = keys.length / nodes.length
  for (const [node, count] of shares(nodes)) {
    // Five standard deviations of a fair draw (about 42) are 212.
    expect(Math.abs(count - expected), node).toBeLessThan(212)
  }
})

it('spreads the second choice of one node over all others', () => {
  const seconds = new Map<string, number>()
  for (const key of keys) {
    const [best, second = ''] = hrw(key, nodes)
    if (best === nodes[0]) seconds.set(second, (seconds.get(second) ?? 0) + 1)
  }
  expect(seconds.size).toBe(9)
  for (const [node, count] of seconds) expect(count, node).toBeGreaterThan(140)
})

it('moves only the keys of a node that goes, each to its second choice', () => {
  const rest = nodes.filter((node) => node !== nodes[3])
  for (const key of keys.slice(0, 2000)) {
    expect(hrw(key, rest), key).toEqual(hrw(key, nodes).filter((node) => node !== nodes[3]))
  }
})

it('gives the same order however the nodes are listed', () => {
  fc.assert(
    fc.property(fc.string(), fc.shuffledSubarray(nodes), (key, some) => {
      expect(hrw(key, some)).toEqual(hrw(key, [...some].sort()))
    }),
  )
})

it('does not confuse the end of a node with the start of a key', () => {
  const differs = keys.slice(0, 64).some((key) => {
    const split = hrw(`1${key}`, ['a', 'b'])[0]
    return split !== hrw(key, ['a1', 'b1'])[0]?.slice(0, 1)
  })
  expect(differs).toBe(true)
})

it('has nothing to choose from no nodes', () => {
  expect(hrw('key', [])).toEqual([])
})

it('never changes: replicas of different versions must agree', () => {
  expect(hrw('5844f27a257287e9', nodes.slice(0, 5))).toEqual([
    '10.0.0.3:8002',
    '10.0.0.2:8002',
    '10.0.0.0:8002',
    '10.0.0.4:8002',
    '10.0.0.1:8002',
  ])
})
