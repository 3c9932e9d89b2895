import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isDfError } from '../errors/df-error.ts'
import { formatDuration, parseDuration } from './duration.ts'
import { duration } from './schemas.ts'

describe('parseDuration', () => {
  it.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['2h', 7_200_000],
    ['1h 30m', 5_400_000],
    [' 1 hour 2 min ', 3_720_000],
    ['1.5h', 5_400_000],
    ['168h', 604_800_000],
    ['1week', 604_800_000],
    ['1d12h', 129_600_000],
    ['250us', 0.25],
    ['1M', 30.44 * 86_400_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 6)
  })

  it.each(['', '30', '30 40s', 's', '-1s', '1,5s', '1s2', 's1', '. 5s'])(
    'asks for units when given "%s"',
    (text) => {
      expect(() => parseDuration(text)).toThrow('expected numbers with units')
    },
  )

  it('names an unknown unit', () => {
    expect(() => parseDuration('1e3s')).toThrow('"e" is not a unit of time')
    expect(() => parseDuration('1h3parsecs')).toThrow('"parsecs" is not a unit of time')
  })

  it('refuses what does not fit a number', () => {
    expect(() => parseDuration('999999999999y')).toThrow('too long')
  })
})

describe('duration', () => {
  const schema = z.object({ timeout: duration.prefault('30s') })

  it('gives milliseconds, also for the default', () => {
    expect(schema.parse({ timeout: '1m' })).toEqual({ timeout: 60_000 })
    expect(schema.parse({})).toEqual({ timeout: 30_000 })
  })

  it.each([[30], [true], [null], ['30']])('refuses %s', (timeout) => {
    const result = schema.safeParse({ timeout })
    expect(result.error?.issues[0]?.path).toEqual(['timeout'])
    expect(result.error?.issues[0]?.message).toMatch(/unit/)
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [850.4, '850ms'],
    [999.6, '1s'],
    [1000, '1s'],
    [12_340, '12.3s'],
    [59_949, '59.9s'],
    [59_960, '1m'],
    [90_000, '1m30s'],
    [3_599_900, '1h'],
    [7_500_000, '2h5m'],
    [86_399_000, '1d'],
    [3 * 86_400_000 + 4 * 3_600_000, '3d4h'],
  ])('of %d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it('is read back to within the precision of what it shows', () => {
    fc.assert(
      fc.property(fc.nat(1e10), (ms) => {
        const back = parseDuration(formatDuration(ms))
        expect(Math.abs(back - ms)).toBeLessThanOrEqual(Math.max(50, ms / 24))
      }),
    )
  })

  it('of a negative or infinite time is no error', () => {
    for (const ms of [-5, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(isDfError(formatDuration(ms))).toBe(false)
    }
  })
})
