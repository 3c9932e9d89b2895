import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Crc32, formatCrc32 } from './crc32.ts'
import { createHasher, type DigestAlgorithm, formatDigest, parseDigest } from './digest.ts'

const hex = '0123456789abcdef'.repeat(8)

describe('parseDigest', () => {
  it.each([
    [`sha256:${hex.slice(0, 64)}`, 'sha256'],
    [`sha512:${hex}`, 'sha512'],
    [`md5:${hex.slice(0, 32)}`, 'md5'],
    [`sha1:${hex.slice(0, 40)}`, 'sha1'],
    [`blake3:${hex.slice(0, 64)}`, 'blake3'],
    ['crc32:1475635037', 'crc32'],
    ['crc32:0', 'crc32'],
    ['crc32:4294967295', 'crc32'],
  ])('reads %s', (text, algorithm) => {
    const digest = parseDigest(text)
    expect(digest.algorithm).toBe(algorithm)
    expect(formatDigest(digest)).toBe(text)
  })

  it('gives equal digests equal values', () => {
    expect(parseDigest(`md5:${'AB'.repeat(16)}`).value).toBe('ab'.repeat(16))
    expect(parseDigest('crc32:0000000042').value).toBe('42')
  })

  it.each([
    ['', 'expected <algorithm>:<value>'],
    [hex, 'expected <algorithm>:<value>'],
    ['sha3:00', '"sha3" is none of the algorithms md5, sha1'],
    ['toString:00', '"toString" is none of'],
    ['SHA256:00', '"SHA256" is none of'],
    ['sha256:', 'sha256 takes 64 hex digits, not 0'],
    [`sha256:${hex}`, 'sha256 takes 64 hex digits, not 128'],
    [`sha256:${'g'.repeat(64)}`, 'not hexadecimal'],
    ['crc32:', 'decimal number'],
    ['crc32:deadbeef', 'decimal number'],
    ['crc32:12345678901', 'decimal number'],
    ['crc32:-1', 'decimal number'],
    ['crc32:4294967296', 'more than 32 bits'],
  ])('says what is wrong with "%s"', (text, why) => {
    expect(() => parseDigest(text)).toThrow(why)
  })
})

describe('createHasher', () => {
  const content = Buffer.from('test content')

  // The first two: interop.md 5.4.
  it.each<[DigestAlgorithm, string]>([
    ['crc32', '1475635037'],
    ['sha256', '6ae8a75555209fd6c44157c0aed8016e763ff435a19cf186f76863140143ff72'],
    ['md5', '9473fdd0d880a43c21b7778d34872157'],
    ['sha1', '1eebdf4fdc9fc7bf283031b93f9aef3338de9052'],
  ])('computes %s, however the bytes are cut', (algorithm, value) => {
    fc.assert(
      fc.property(fc.nat(content.length), (cut) => {
        const hasher = createHasher(algorithm)
        hasher.update(content.subarray(0, cut))
        hasher.update(content.subarray(cut))
        expect(hasher.digest()).toBe(`${algorithm}:${value}`)
      }),
    )
  })

  it('writes what parseDigest reads', () => {
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512', 'crc32'] as const) {
      const text = createHasher(algorithm).digest()
      expect(formatDigest(parseDigest(text)), algorithm).toBe(text)
    }
  })

  it('cannot compute blake3', () => {
    expect(() => createHasher('blake3')).toThrow('blake3 digests cannot be verified')
  })
})

describe('Crc32', () => {
  it('gives the check value of CRC-32/IEEE, also on the way', () => {
    const crc = new Crc32()
    expect(crc.value).toBe(0)
    crc.update(Buffer.from('12345')).update(Buffer.from('6789'))
    expect(crc.value).toBe(0xcbf43926)
    expect(formatCrc32(crc.value)).toBe('crc32:3421780262')
  })

  it('is written unsigned', () => {
    expect(formatCrc32(-1)).toBe('crc32:4294967295')
  })
})
