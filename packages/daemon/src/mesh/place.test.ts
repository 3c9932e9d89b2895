import { expect, test } from 'vitest'
import { isNear } from './place.ts'

test.each([
  [{ idc: '', location: '' }, { idc: 'a', location: 'x|y|z' }, true],
  [{ idc: 'a', location: 'x|y|z' }, { idc: 'a', location: 'x|y|z' }, true],
  [{ idc: 'a', location: 'x|y|z' }, { idc: 'a', location: 'x|y|w' }, false],
  [{ idc: 'a', location: '' }, { idc: 'b', location: '' }, false],
])('%o and %o are near: %s', (a, b, near) => {
  expect(isNear(a, b)).toBe(near)
  expect(isNear(b, a)).toBe(near)
})
