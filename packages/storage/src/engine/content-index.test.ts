import { expect, test } from 'vitest'
import { ContentIndex } from './content-index.ts'

const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
const any = (): boolean => true

test('a thing is found by its digest until that changes', () => {
  const index = new ContentIndex<object>()
  index.change(a, undefined, 'x')
  expect(index.find('x', any)).toBe(a)
  index.change(a, 'x', 'y')
  expect(index.find('x', any)).toBeUndefined()
  expect(index.find('y', any)).toBe(a)
})

test('of several with one digest the first good one is found, and each leaves alone', () => {
  const index = new ContentIndex<object>()
  for (const thing of [a, b, c]) index.change(thing, undefined, 'x')
  index.change(a, undefined, 'x')
  expect(index.find('x', any)).toBe(a)
  expect(index.find('x', (thing) => thing === c)).toBe(c)
  index.change(a, 'x', undefined)
  index.change(b, 'x', undefined)
  expect(index.find('x', any)).toBe(c)
  index.change(c, 'x', undefined)
  expect(index.find('x', any)).toBeUndefined()
})
