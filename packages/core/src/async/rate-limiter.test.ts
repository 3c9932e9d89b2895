import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../seams/fake-clock.ts'
import { RateLimiter } from './rate-limiter.ts'

function setUp(bytesPerSec: number, burstBytes = 100) {
  const clock = new FakeClock(0)
  const limiter = new RateLimiter({ bytesPerSec, burstBytes }, { clock })
  const passed: string[] = []
  const take = (name: string, bytes: number, signal?: AbortSignal): Promise<void> =>
    limiter.take(bytes, signal).then(
      () => void passed.push(`${name}@${clock.monotonic()}`),
      (error: unknown) => void passed.push(`${name} ${String(error)}`),
    )
  return { clock, limiter, passed, take }
}

describe('RateLimiter', () => {
  it('lets the burst through at once and the rest at its rate', async () => {
    const { clock, passed, take } = setUp(1000)
    for (const name of ['a', 'b', 'c', 'd']) void take(name, 50)
    await clock.advance(1000)
    expect(passed).toEqual(['a@0', 'b@0', 'c@50', 'd@100'])
    expect(clock.pending).toBe(0)
  })

  it('serves in the order of arrival: a small one does not overtake', async () => {
    const { clock, passed, take, limiter } = setUp(1000)
    void take('first', 100)
    void take('large', 100)
    void take('small', 1)
    expect(limiter.tryTake(1)).toBe(false)
    await clock.advance(1000)
    expect(passed).toEqual(['first@0', 'large@100', 'small@101'])
  })

  it('lets more than the burst through in one go and makes the next pay for it', async () => {
    const { clock, passed, take } = setUp(1000)
    void take('huge', 1100)
    void take('next', 100)
    await clock.advance(2000)
    expect(passed).toEqual(['huge@0', 'next@1100'])
  })

  it('saves no more than the burst during a pause', async () => {
    const { clock, limiter } = setUp(1000)
    expect([limiter.tryTake(100), limiter.tryTake(1)]).toEqual([true, false])
    await clock.advance(60_000)
    expect([limiter.tryTake(100), limiter.tryTake(1)]).toEqual([true, false])
  })

  it('forgets who aborts while waiting and serves the next at once', async () => {
    const { clock, passed, take } = setUp(1000)
    const leaver = new AbortController()
    void take('first', 100)
    void take('leaver', 100, leaver.signal)
    void take('next', 10)
    await clock.advance(20)
    leaver.abort(new Error('left'))
    await clock.advance(0)
    expect(passed).toEqual(['first@0', 'next@20', 'leaver Error: left'])
    expect(clock.pending).toBe(0)
  })

  it('takes nothing for who comes aborted', async () => {
    const { limiter, passed, take } = setUp(1000)
    await take('gone', 100, AbortSignal.abort(new Error('left')))
    expect(passed).toEqual(['gone Error: left'])
    expect(limiter.tryTake(100)).toBe(true)
  })

  it('lets everything through without a limit', async () => {
    const { clock, limiter, passed, take } = setUp(Number.POSITIVE_INFINITY)
    for (let i = 0; i < 100; i++) expect(limiter.tryTake(1e12), `take ${i}`).toBe(true)
    await take('a', 1e12)
    expect(passed).toEqual(['a@0'])
    expect(clock.pending).toBe(0)
  })

  it('applies a new rate to those who wait', async () => {
    const { clock, limiter, passed, take } = setUp(1)
    void take('first', 100)
    void take('second', 100)
    void take('third', 100)
    await clock.advance(1000)
    limiter.setRate({ bytesPerSec: 99_000, burstBytes: 100 })
    await clock.advance(1)
    limiter.setRate({ bytesPerSec: Number.POSITIVE_INFINITY })
    await clock.advance(0)
    expect(passed).toEqual(['first@0', 'second@1001', 'third@1001'])
  })

  it.each([0, -1, Number.NaN])('refuses a rate of %d', (bytesPerSec) => {
    expect(() => setUp(bytesPerSec)).toThrow('A rate limit cannot be')
    expect(() => setUp(1).limiter.setRate({ bytesPerSec })).toThrow('A rate limit cannot be')
  })

  it('keeps the average rate for any sizes', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 7, max: 100_000 }), sizes, async (rate, wanted) => {
        const { clock, passed, take } = setUp(rate, 500)
        for (const bytes of wanted) void take('x', bytes)
        await clock.advance(1e9)
        expect(passed).toHaveLength(wanted.length)
        const before = wanted.slice(0, -1).reduce((sum, bytes) => sum + bytes, 0)
        const lastAtMs = Number(passed.at(-1)?.split('@')[1])
        const earned = 500 + (lastAtMs / 1000) * rate
        // The last one passes as soon as the bucket holds it (or is full) after all before it.
        const needed = before + Math.min(500, wanted.at(-1) ?? 0)
        expect(earned).toBeGreaterThanOrEqual(needed - 1e-6)
        expect(lastAtMs).toBeLessThanOrEqual(
          Math.max(0, ((needed - 500) / rate) * 1000) + wanted.length + 1,
        )
      }),
      { numRuns: 30 },
    )
  })
})
