import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PieceSet } from './piece-set.ts'

const interval = fc
  .tuple(fc.nat(130), fc.nat(130))
  .map(([a, b]) => ({ first: Math.min(a, b), end: Math.max(a, b) }))
const numbers = fc.uniqueArray(fc.nat(130))
/** Room for all of them. */
const WORDS = 5

function modelOf(set: PieceSet): number[] {
  return Array.from({ length: 200 }, (_, i) => i).filter((i) => set.has(i))
}

function setOf(list: readonly number[]): PieceSet {
  const set = PieceSet.empty()
  for (const n of list) set.add(n)
  return set
}

test('an interval holds exactly its pieces', () => {
  fc.assert(
    fc.property(interval, (i) => {
      const expected = Array.from({ length: 200 }, (_, n) => n).filter(
        (n) => n >= i.first && n < i.end,
      )
      expect(modelOf(PieceSet.of(i))).toEqual(expected)
    }),
  )
})

test('union, difference and intersection agree with lists of numbers', () => {
  fc.assert(
    fc.property(numbers, numbers, interval, (a, b, i) => {
      const inInterval = (n: number) => n >= i.first && n < i.end
      const sorted = (list: number[]) => [...new Set(list)].sort((x, y) => x - y)
      const union = setOf(a)
      union.addAll(setOf(b))
      expect(modelOf(union)).toEqual(sorted([...a, ...b]))
      const words = new Uint32Array(3 + WORDS)
      setOf(b).copyTo(words, 3, WORDS)
      expect(modelOf(PieceSet.fromWords(words, 3, WORDS))).toEqual(sorted(b))
      const difference = setOf(a)
      difference.removeWords(words, 3, WORDS)
      expect(modelOf(difference)).toEqual(sorted(a.filter((n) => !b.includes(n))))
      const cut = setOf(a)
      cut.removeInterval(i)
      expect(modelOf(cut)).toEqual(sorted(a.filter((n) => !inInterval(n))))
      const common = a.filter((n) => b.includes(n))
      expect(setOf(a).countCommonWords(words, 3, WORDS)).toBe(common.length)
      expect(setOf(a).intersectsWords(words, 3, WORDS)).toBe(common.length > 0)
      expect(setOf(a).intersectsInterval(i)).toBe(a.some(inInterval))
    }),
  )
})

test('count and hull agree with a list of numbers', () => {
  fc.assert(
    fc.property(numbers, (a) => {
      const set = setOf(a)
      expect(set.count).toBe(a.length)
      expect(set.isEmpty).toBe(a.length === 0)
      const hull =
        a.length === 0 ? { first: 0, end: 0 } : { first: Math.min(...a), end: Math.max(...a) + 1 }
      expect(set.hull()).toEqual(hull)
    }),
  )
})

test('adding says whether the piece is new, and a clone lives its own life', () => {
  const set = PieceSet.empty()
  expect(set.add(31)).toBe(true)
  expect(set.add(31)).toBe(false)
  const copy = set.clone()
  copy.add(0)
  expect(set.has(0)).toBe(false)
})
