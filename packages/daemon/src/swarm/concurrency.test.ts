import { describe, expect, test } from 'vitest'
import { defaultClientParams } from './client-params.ts'
import { Concurrency } from './concurrency.ts'

const params = { ...defaultClientParams(256), concurrency: 3, maxConcurrency: 6 }

/** Reviews every 100 ms from one time to another; the rate follows from the limit. */
function review(
  concurrency: Concurrency,
  [from, to]: readonly [number, number],
  rateOf: (limit: number) => number,
  downlink: number,
): void {
  for (let now = from; now < to; now += 100) {
    concurrency.refused()
    concurrency.review(now, rateOf(concurrency.limit), downlink)
  }
}

describe('Concurrency', () => {
  test('is smaller for few pieces', () => {
    expect(new Concurrency(defaultClientParams(127)).limit).toBe(2)
    expect(new Concurrency(defaultClientParams(128)).limit).toBe(4)
  })

  test('grows step by step while the downlink has room and it helps, up to its bound', () => {
    const concurrency = new Concurrency(params)
    review(concurrency, [0, 1_000], (limit) => limit * 10, 100)
    expect(concurrency.limit).toBe(4)
    review(concurrency, [1_000, 30_000], (limit) => limit * 10, 100)
    expect(concurrency.limit).toBe(params.maxConcurrency)
  })

  test('takes a step back that did not help, and tries again ever more seldom', () => {
    const concurrency = new Concurrency(params)
    let steps = 0
    for (let now = 0; now < 60_000; now += 100) {
      const before = concurrency.limit
      concurrency.refused()
      concurrency.review(now, 50, 100)
      if (concurrency.limit > before) steps += 1
    }
    expect(concurrency.limit).toBe(3)
    expect(steps).toBeGreaterThan(2)
    expect(steps).toBeLessThan(7)
  })

  test('stays when the downlink is busy, or nobody would give more', () => {
    const busy = new Concurrency(params)
    review(busy, [0, 5_000], () => 76, 100)
    expect(busy.limit).toBe(3)
    const alone = new Concurrency(params)
    for (let now = 0; now < 5_000; now += 100) alone.review(now, 1, 100)
    expect(alone.limit).toBe(3)
  })

  test('takes the best rate so far for a downlink that is unknown', () => {
    const concurrency = new Concurrency(params)
    review(concurrency, [0, 1_000], () => 100, 0)
    expect(concurrency.limit).toBe(3)
    review(concurrency, [1_000, 2_000], () => 50, 0)
    expect(concurrency.limit).toBe(4)
  })

  test('keeps to new parameters', () => {
    const concurrency = new Concurrency(params)
    concurrency.params = { ...params, concurrency: 5 }
    expect(concurrency.limit).toBe(5)
    concurrency.params = { ...params, concurrency: 1, maxConcurrency: 2 }
    expect(concurrency.limit).toBe(2)
  })
})
