import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TopList } from './top-list.ts'

test('has the best of all, best first, equal ones as they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.nat(12), (scores, limit) => {
      const out = new Int32Array(12).fill(-1)
      const top = new TopList(10)
      top.start(out, limit)
      for (const [id, score] of scores.entries()) top.add(id, score)
      const sorted = scores.map((_, id) => id).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
      const expected = sorted.slice(0, Math.min(limit, 10))
      expect([...out.subarray(0, top.size)]).toEqual(expected)
      expect(out.subarray(top.size).every((id) => id === -1)).toBe(true)
    }),
  )
})
