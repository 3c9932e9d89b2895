import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { ListSwarm } from './list-swarm.ts'
import type { ParentPolicy } from './parent-policy.ts'
import { randomPolicy } from './random-policy.ts'
import { twoChoicesPolicy } from './two-choices-policy.ts'

const holders = 1000

/** Gives each of as many children as there are holders `k` parents, one child after the other; the loads after that. */
function loads(policy: ParentPolicy, k: number, capacityOf = (_id: number) => 1e8): number[] {
  const view = new ListSwarm({ capacity: holders + 1 })
  for (let i = 0; i < holders; i++) view.add({ upCapacity: capacityOf(i) })
  const child = view.add({ have: 0, inDegree: 0 })
  const random = seededRandom(1)
  const out = new Int32Array(k)
  const old = new Int32Array(0)
  for (let i = 0; i < holders; i++) {
    const count = policy.parents(view, child, k, random, out, old)
    for (const id of out.subarray(0, count)) {
      view.host.outDegree[id] = (view.host.outDegree[id] ?? 0) + 1
    }
  }
  return [...view.host.outDegree.subarray(0, holders)]
}

test('loads differ far less than by single choices', () => {
  // Balls into as many bins: about log2(log2 n) + 1 = 4.3 at most by two choices, ln n / ln ln n and more by one.
  expect(Math.max(...loads(twoChoicesPolicy.create(), 1))).toBeLessThanOrEqual(4)
  expect(Math.max(...loads(randomPolicy.create(), 1))).toBeGreaterThanOrEqual(5)
  expect(Math.max(...loads(twoChoicesPolicy.create(), 12))).toBeLessThanOrEqual(15)
  expect(Math.max(...loads(randomPolicy.create(), 12))).toBeGreaterThanOrEqual(22)
})

test('wider uplinks get more children', () => {
  const after = loads(twoChoicesPolicy.create(), 12, (id) => (id % 2 === 0 ? 3e8 : 1e8))
  const total = (rest: number) =>
    after.filter((_, i) => i % 2 === rest).reduce((sum, load) => sum + load, 0)
  // Two choices can give one half no more than 3/4 of all.
  expect(total(0) / total(1)).toBeGreaterThan(2)
})

test('with fewer than two for each place all places are filled', () => {
  for (let others = 1; others < 30; others++) {
    const view = new ListSwarm({ capacity: 31 })
    const child = view.add({ have: 0, inDegree: 0 })
    for (let i = 0; i < others; i++) view.add()
    const out = new Int32Array(12)
    const args = [seededRandom(others), out, new Int32Array(0)] as const
    expect(twoChoicesPolicy.create().parents(view, child, 12, ...args)).toBe(Math.min(12, others))
  }
})
