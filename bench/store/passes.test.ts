import { expect, test } from 'vitest'
import { chunksAt } from './passes.ts'

const sample = Uint8Array.of(0, 1, 2, 3, 4)
const bytesAt = (offset: number, length: number): number[] =>
  [...chunksAt(sample, { offset, length })].flatMap((chunk) => [...chunk])

test('a span has its own bytes of the sample', () => {
  expect(bytesAt(1, 3)).toEqual([1, 2, 3])
})

test('the sample begins anew when it is used up', () => {
  expect(bytesAt(3, 5)).toEqual([3, 4, 0, 1, 2])
  expect(bytesAt(12, 2)).toEqual([2, 3])
})

test('no chunk is larger than what a socket gives', () => {
  const large = new Uint8Array(3 * 1024 ** 2)
  const sizes = [...chunksAt(large, { offset: 0, length: 2.5 * 1024 ** 2 })]
  expect(sizes.map(({ byteLength }) => byteLength / 1024 ** 2)).toEqual([1, 1, 0.5])
})
