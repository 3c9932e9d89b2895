import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createAnyHasher, isSameBlake3, PieceHasher } from './piece-hasher.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

it.each([
  // BLAKE3's published test vectors: the bytes 0, 1, ... 250, 0, 1, ...
  [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
])('hashes %i bytes', (length, blake3) => {
  const bytes = Uint8Array.from({ length }, (_, i) => i % 251)
  const digests = new PieceHasher().update(bytes).finish()
  expect(hex(digests.blake3)).toBe(blake3)
  expect(digests.crc32).toBe(crc32(bytes))
})

it('does not care how the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 })), (parts) => {
      const whole = new PieceHasher().update(Buffer.concat(parts)).finish()
      const hasher = new PieceHasher()
      for (const part of parts) hasher.update(part)
      expect(hasher.finish()).toEqual(whole)
    }),
  )
})

it('tells digests apart', () => {
  const a = new PieceHasher().update(Uint8Array.of(1)).finish().blake3
  const b = new PieceHasher().update(Uint8Array.of(2)).finish().blake3
  expect([isSameBlake3(a, a.slice()), isSameBlake3(a, b), isSameBlake3(a, a.subarray(1))]).toEqual([
    true,
    false,
    false,
  ])
})

it.each([
  ['blake3', 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
] as const)('computes %s of nothing', (algorithm, value) => {
  expect(createAnyHasher(algorithm).digest()).toBe(`${algorithm}:${value}`)
})
