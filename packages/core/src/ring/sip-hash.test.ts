import { expect, it } from 'vitest'
import { sipHash24 } from './sip-hash.ts'

// The key 00 01 .. 0f and the messages 00 01 .. of the authors' test vectors.
const k0 = 0x0706050403020100n
const k1 = 0x0f0e0d0c0b0a0908n

it.each([
  [0, 0x726fdb47dd0e0e31n],
  [1, 0x74f839c593dc67fdn],
  [8, 0x93f5f5799a932462n],
  [15, 0xa129ca6149be45e5n],
])('gives the published value for %i bytes', (length, expected) => {
  const message = Uint8Array.from({ length }, (_, i) => i)
  expect(sipHash24(message, k0, k1)).toBe(expected)
})

it('reads a view that does not start at its buffer', () => {
  const buffer = Uint8Array.from({ length: 20 }, (_, i) => i - 3)
  expect(sipHash24(buffer.subarray(3, 18), k0, k1)).toBe(0xa129ca6149be45e5n)
})
