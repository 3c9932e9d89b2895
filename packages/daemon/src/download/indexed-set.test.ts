import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { IndexedSet } from './indexed-set.ts'

const random = seededRandom(1)

test('holds each number once, and those that were deleted no more', () => {
  const set = new IndexedSet()
  for (const n of [5, 7, 9, 7]) set.add(n)
  set.delete(5)
  set.delete(6)
  expect(set.size).toBe(2)
  expect(set.has(5)).toBe(false)
  expect([...set].toSorted()).toEqual([7, 9])
  set.delete(9)
  set.delete(7)
  expect(set.draw(random)).toBeUndefined()
})

test('draws each number as often', () => {
  const set = new IndexedSet()
  for (let n = 0; n < 5; n++) set.add(n)
  set.delete(2)
  const draws = new Map<number, number>()
  for (let i = 0; i < 4_000; i++) {
    const drawn = set.draw(random) ?? -1
    draws.set(drawn, (draws.get(drawn) ?? 0) + 1)
  }
  expect([...draws.keys()].toSorted()).toEqual([0, 1, 3, 4])
  for (const [n, count] of draws) expect(count, `number ${n}`).toBeGreaterThan(850)
})
