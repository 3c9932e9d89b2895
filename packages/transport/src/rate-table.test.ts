import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, test } from 'vitest'
import { RateLimit } from './rate-limit.ts'
import { followRateTable, minutesToNextChange, parseRateTable, rateAt } from './rate-table.ts'

const hours = (h: number, m = 0): number => h * 60 + m

describe('a rate table', () => {
  const table = parseRateTable([
    '08:00-12:00=10MB',
    ' 11:00-18:30=1MiB ',
    '22:00-06:00=unlimited',
    '23:59-24:00=1KB',
  ])

  test('holds from the first minute to before the last, over midnight too', () => {
    const at = (minute: number): number => rateAt(table, minute, 7)
    expect([at(hours(7, 59)), at(hours(8)), at(hours(11, 59))]).toEqual([7, 1e7, 1e7])
    expect([at(hours(12)), at(hours(18, 29)), at(hours(18, 30))]).toEqual([2 ** 20, 2 ** 20, 7])
    expect([at(hours(22)), at(0), at(hours(5, 59)), at(hours(6))]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      7,
    ])
  })

  test('knows when it changes next', () => {
    expect(minutesToNextChange(table, hours(7, 59))).toBe(1)
    expect(minutesToNextChange(table, hours(8))).toBe(180)
    expect(minutesToNextChange(table, hours(23, 59))).toBe(1)
    expect(minutesToNextChange([], 0)).toBe(1440)
    const wholeDay = parseRateTable(['00:00-24:00=5KB'])
    expect([rateAt(wholeDay, 0, 7), rateAt(wholeDay, 1439, 7)]).toEqual([5000, 5000])
    expect(minutesToNextChange(wholeDay, 0)).toBe(1440)
  })

  test.each([
    ['8:00-9:00=1MB', 'look like'],
    ['24:00-09:00=1MB', 'look like'],
    ['08:60-09:00=1MB', 'look like'],
    ['08:00-24:01=1MB', '24:00'],
    ['08:00-08:00=1MB', 'no time'],
    ['08:00-09:00=', 'look like'],
    ['08:00-09:00=fast', 'invalid'],
    ['08:00-09:00=0', 'above 0'],
    ['', 'look like'],
  ])('"%s" is refused', (entry, why) => {
    expect(() => parseRateTable([entry])).toThrow(why)
  })

  test('a limit follows it until that is disposed', async () => {
    const midnight = 20_000 * 24 * 3600 * 1000
    const clock = new FakeClock(midnight + hours(7, 59) * 60_000 + 30_000)
    const minuteOfDay = (nowMs: number): number => Math.floor(nowMs / 60_000) % 1440
    const limit = new RateLimit(1, { clock })
    const following = followRateTable(limit, { table, otherwise: 7 }, { clock, minuteOfDay })
    expect(limit.bytesPerSec).toBe(7)
    await clock.advance(29_999)
    expect(limit.bytesPerSec).toBe(7)
    await clock.advance(1)
    expect(limit.bytesPerSec).toBe(1e7)
    await clock.advance(4 * 3600 * 1000)
    expect(limit.bytesPerSec).toBe(2 ** 20)
    following[Symbol.dispose]()
    expect(clock.pending).toBe(0)
  })
})
