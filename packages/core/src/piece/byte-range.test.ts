import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDfError } from '../errors/df-error.ts'
import { formatRangeHeader, parseContentRange, parseRangeHeader } from './byte-range.ts'

const thrownBy = (fn: () => unknown): unknown => {
  try {
    return fn()
  } catch (error) {
    return error
  }
}

describe('parseRangeHeader', () => {
  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=5-5', 5, 1],
    ['bytes=90-', 90, 10],
    ['bytes=-10', 90, 10],
    ['bytes=-1000', 0, 100],
    ['bytes=90-1000', 90, 10],
    ['bytes=0-99', 0, 100],
    [' Bytes = 1 - 2 ', 1, 2],
  ])('reads %s of 100 bytes', (text, start, length) => {
    expect(parseRangeHeader(text, 100)).toEqual({ start, length })
  })

  it.each([
    'bytes=0-1,5-6',
    'bytes=',
    'bytes=-',
    'bytes=9-5',
    'bytes=a-b',
    'bytes=1.5-2',
    'bytes=--1',
    'items=0-9',
    '0-9',
    '',
    'bytes=0-99999999999999999999',
  ])('refuses "%s"', (text) => {
    const error = thrownBy(() => parseRangeHeader(text, 100))
    expect(isDfError(error, 'InvalidArgument') && error.message).toMatch(/is invalid/)
  })

  it.each([
    ['bytes=100-', 100],
    ['bytes=100-200', 100],
    ['bytes=-0', 100],
    ['bytes=0-', 0],
    ['bytes=-5', 0],
  ])('says that %s of %i bytes cannot be satisfied', (text, contentLength) => {
    const error = thrownBy(() => parseRangeHeader(text, contentLength))
    expect(isDfError(error, 'InvalidArgument') && error.details.unsatisfiable).toBe(true)
    expect(String(error)).toContain(`cannot be satisfied: the content has ${contentLength} bytes`)
  })

  it('reads back what formatRangeHeader wrote', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1 }), fc.nat(), (start, length, rest) => {
        const range = { start, length }
        expect(parseRangeHeader(formatRangeHeader(range), start + length + rest)).toEqual(range)
      }),
    )
  })

  it('never leaves the content', () => {
    const bound = fc.option(fc.nat(200), { nil: '' })
    fc.assert(
      fc.property(bound, bound, fc.nat(100), (first, last, contentLength) => {
        const range = thrownBy(() => parseRangeHeader(`bytes=${first}-${last}`, contentLength))
        if (isDfError(range)) return
        const { start, length } = range as { start: number; length: number }
        expect(start >= 0 && length > 0 && start + length <= contentLength).toBe(true)
      }),
    )
  })
})

describe('formatRangeHeader', () => {
  it('refuses to ask for nothing', () => {
    expect(() => formatRangeHeader({ start: 5, length: 0 })).toThrow('cannot ask for 0 bytes')
  })
})

describe('parseContentRange', () => {
  it.each([
    ['bytes 0-9/100', { range: { start: 0, length: 10 }, total: 100 }],
    ['bytes 90-99/100', { range: { start: 90, length: 10 }, total: 100 }],
    ['bytes 5-9/*', { range: { start: 5, length: 5 } }],
    ['bytes */100', { total: 100 }],
  ])('reads %s', (text, expected) => {
    expect(parseContentRange(text)).toEqual(expected)
  })

  it.each(['bytes 9-5/100', 'bytes 0-100/100', 'bytes */*', 'bytes 0-/100', 'bytes=0-9/100', ''])(
    'refuses "%s"',
    (text) => {
      expect(
        isDfError(
          thrownBy(() => parseContentRange(text)),
          'InvalidArgument',
        ),
      ).toBe(true)
    },
  )
})
