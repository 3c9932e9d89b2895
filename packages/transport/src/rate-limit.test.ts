import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, test } from 'vitest'
import { RateLimit } from './rate-limit.ts'

describe('RateLimit', () => {
  test('lets pass what its time brings, and no more than 60 ms of it after a pause', async () => {
    const clock = new FakeClock()
    const limit = new RateLimit(1000, { clock })
    expect([limit.chunkBytes, limit.waitMs(60)]).toEqual([20, 0])
    limit.spend(60)
    expect(limit.waitMs(10)).toBeCloseTo(10)
    await clock.advance(10)
    expect(limit.waitMs(10)).toBe(0)
    await clock.advance(60_000)
    limit.spend(60)
    expect(limit.waitMs(1)).toBeCloseTo(1)
  })

  test('more than fits waits for all that fits and leaves a debt', async () => {
    const clock = new FakeClock()
    const limit = new RateLimit(1000, { clock })
    limit.spend(60)
    expect(limit.waitMs(1_000_000)).toBeCloseTo(60)
    await clock.advance(60)
    expect(limit.waitMs(1_000_000)).toBe(0)
    limit.spend(1060)
    expect(limit.waitMs(1)).toBeCloseTo(1001)
  })

  test('another rate holds from now on; what was earned by then stays', async () => {
    const clock = new FakeClock()
    const limit = new RateLimit(1000, { clock })
    limit.spend(60)
    await clock.advance(30)
    let changes = 0
    limit.changes.add(() => changes++)
    limit.setRate(100)
    limit.setRate(100)
    expect([changes, limit.bytesPerSec, limit.waitMs(6)]).toEqual([1, 100, 0])
    limit.spend(6)
    expect(limit.waitMs(1)).toBeCloseTo(10)
    limit.setRate(Number.POSITIVE_INFINITY)
    expect([limit.waitMs(1e15), limit.chunkBytes]).toEqual([0, 1024 * 1024])
    limit.setRate(1000)
    expect(limit.waitMs(61)).toBeCloseTo(60)
  })

  test.each([0, -1, Number.NaN])('a rate of %d is refused', (rate) => {
    const clock = new FakeClock()
    expect(() => new RateLimit(rate, { clock })).toThrow('A rate limit cannot be')
    expect(() => new RateLimit(1, { clock }).setRate(rate)).toThrow('A rate limit cannot be')
  })

  test('even a byte a second gets through', async () => {
    const clock = new FakeClock()
    const limit = new RateLimit(1, { clock })
    expect(limit.chunkBytes).toBe(1)
    limit.spend(1)
    expect(limit.waitMs(1)).toBeCloseTo(1000)
  })
})
