import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { formatBytes, formatRate, parseByteSize } from './byte-size.ts'
import { byteSize } from './schemas.ts'

describe('parseByteSize', () => {
  it.each([
    ['4MiB', 4 * 1024 ** 2],
    ['4mib', 4 * 1024 ** 2],
    ['10GiB', 10 * 1024 ** 3],
    ['512KiB', 512 * 1024],
    ['512 KiB', 512 * 1024],
    ['50GB', 50e9],
    ['50g', 50e9],
    ['1.5TiB', 1.5 * 1024 ** 4],
    ['10Gi', 10 * 1024 ** 3],
    ['100B', 100],
    ['100', 100],
    ['0', 0],
  ])('reads %s', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes)
  })

  it.each(['', '-1', '1e3', 'MiB', '4 Mi B', '4XiB', '4iB', '4MiBs', '1,5MB', 'Infinity'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseByteSize(text)).toThrow(`The size "${text}" is invalid`)
    },
  )

  it('refuses what is not exact in a number', () => {
    expect(() => parseByteSize('9PiB')).toThrow('too large')
  })
})

describe('byteSize', () => {
  const schema = z.object({ size: byteSize })

  it.each([
    ['4MiB', 4194304],
    [4194304, 4194304],
    [0, 0],
  ])('takes %s', (size, bytes) => {
    expect(schema.parse({ size })).toEqual({ size: bytes })
  })

  it.each([[-1], [1.5], [1e300], [Number.NaN], [true], [null], ['much']])('refuses %s', (size) => {
    expect(schema.safeParse({ size }).success).toBe(false)
  })
})

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [4 * 1024 ** 2, '4 MiB'],
    [1024 ** 2 - 1, '1 MiB'],
    [1.25 * 1024 ** 3, '1.3 GiB'],
    [5000 * 1024 ** 5, '5000 PiB'],
  ])('of %d', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('is read back to within the digit that it shows', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 52), (bytes) => {
        const back = parseByteSize(formatBytes(bytes))
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.051)
      }),
    )
  })

  it('has a form for rates', () => {
    expect(formatRate(12.5 * 1024 ** 2)).toBe('12.5 MiB/s')
  })
})
