import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { Candidates } from './candidates.ts'
import { ListSwarm } from './list-swarm.ts'

function draws(size: number, count: number, isBlocked = (_i: number) => false): number[] {
  const view = new ListSwarm({ capacity: size + 1 })
  const child = view.add({ have: 0, inDegree: 0 })
  for (let i = 0; i < size; i++) view.add({ isBlocked: isBlocked(i) })
  const candidates = new Candidates(64)
  const random = seededRandom(1)
  const times = new Array<number>(size + 1).fill(0)
  for (let round = 0; round < 6000; round++) {
    candidates.start(view, child)
    candidates.draw(view.holders, count, random)
    for (const id of candidates.ids.subarray(0, candidates.size)) times[id] = (times[id] ?? 0) + 1
  }
  return times.slice(1)
}

test.each([
  { list: 'short', size: 20 },
  { list: 'long', size: 60 },
])('everybody in a $list list is drawn equally often', ({ size }) => {
  const expected = (6000 * 6) / size
  // Five standard deviations.
  for (const times of draws(size, 6)) {
    expect(Math.abs(times - expected)).toBeLessThan(5 * Math.sqrt(expected))
  }
})

test('who may not serve is never drawn, and leaves no place empty while others are found', () => {
  const times = draws(20, 6, (i) => i % 2 === 0)
  expect(times.filter((_, i) => i % 2 === 0)).toEqual(new Array(10).fill(0))
  expect(times.reduce((a, b) => a + b)).toBe(6000 * 6)
})

test('no more fit than there is room for', () => {
  const view = new ListSwarm({ capacity: 101 })
  const child = view.add({ have: 0, inDegree: 0 })
  for (let i = 0; i < 100; i++) view.add()
  const candidates = new Candidates(8)
  candidates.start(view, child)
  candidates.draw(view.holders, 50, seededRandom(1))
  expect(candidates.size).toBe(8)
  candidates.addAll(view.members.ids, 101, 101)
  expect(candidates.size).toBe(8)
})
