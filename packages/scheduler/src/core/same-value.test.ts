import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSameValue } from './same-value.ts'

test('a copy is the same value, and what prints differently is not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(isSameValue(a, structuredClone(a))).toBe(true)
      if (JSON.stringify(a) !== JSON.stringify(b)) {
        // Keys have no order.
        expect(isSameValue(a, b)).toBe(isSameValue(b, a))
      }
    }),
  )
})

test.each([
  [{ a: 1 }, { a: 2 }],
  [{ a: 1 }, { b: 1 }],
  [{ a: undefined }, {}],
  [[1, 2], [1]],
  [1n, 2n],
  [null, {}],
])('%o is not %o', (a, b) => {
  expect(isSameValue(a, b)).toBe(false)
})
