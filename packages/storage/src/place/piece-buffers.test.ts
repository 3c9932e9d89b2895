import { expect, test } from 'vitest'
import { PieceBuffers } from './piece-buffers.ts'

const mebibyte = 1024 * 1024

test('gives memory that was given back, as long as it is wanted', () => {
  const buffers = new PieceBuffers()
  const first = buffers.take(4 * mebibyte)
  buffers.give(first)
  const shorter = buffers.take(mebibyte)
  expect(shorter.byteLength).toBe(mebibyte)
  expect(shorter.buffer).toBe(first.buffer)
  expect(buffers.take(mebibyte).buffer, 'in use').not.toBe(first.buffer)
  buffers.give(shorter)
  expect(buffers.take(5 * mebibyte).buffer, 'too small').not.toBe(first.buffer)
  expect(buffers.take(4 * mebibyte).buffer).toBe(first.buffer)
})

test('keeps the last 32 MiB only', () => {
  const buffers = new PieceBuffers()
  const given = Array.from({ length: 5 }, () => buffers.take(8 * mebibyte))
  for (const buffer of given) buffers.give(buffer)
  const taken = given.map(() => buffers.take(8 * mebibyte).buffer)
  expect(taken.includes(given[0]?.buffer as ArrayBuffer)).toBe(false)
  expect(taken.filter((buffer) => given.some((one) => one.buffer === buffer))).toHaveLength(4)
})
