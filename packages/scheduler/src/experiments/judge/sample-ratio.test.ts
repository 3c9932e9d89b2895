import { describe, expect, it } from 'vitest'
import { chiSquareTail } from './chi-square.ts'
import { sampleRatioP } from './sample-ratio.ts'

describe('chiSquareTail', () => {
  // Critical values as printed in every table of the distribution.
  it.each([
    [3.841, 1, 0.05],
    [10.828, 1, 0.001],
    [5.991, 2, 0.05],
    [13.816, 2, 0.001],
    [7.815, 3, 0.05],
    [9.488, 4, 0.05],
    [20.515, 5, 0.001],
    [18.307, 10, 0.05],
  ])('%d with %d degrees of freedom has the tail %d', (value, degrees, tail) => {
    expect(chiSquareTail(value, degrees) / tail).toBeCloseTo(1, 2)
  })

  it('is certain at zero and nothing far out', () => {
    expect(chiSquareTail(0, 3)).toBe(1)
    expect(chiSquareTail(500, 1)).toBe(0)
  })
})

describe('sampleRatioP', () => {
  it('does not mind chance', () => {
    expect(sampleRatioP([split(500), split(520)])).toBeGreaterThan(0.5)
    expect(sampleRatioP([split(0), split(0)])).toBe(1)
    expect(sampleRatioP([split(40)])).toBe(1)
  })

  it('sees an arm that loses a tenth of its swarms', () => {
    // 1000 against 900: (50^2 + 50^2) / 950 = 5.263, p = 0.022; with ten times as many it is beyond doubt.
    expect(sampleRatioP([split(1_000), split(900)])).toBeCloseTo(0.0218, 4)
    expect(sampleRatioP([split(10_000), split(9_000)])).toBeLessThan(1e-9)
  })

  it('goes by the weights', () => {
    expect(sampleRatioP([split(900, 9), split(100, 1)])).toBe(1)
    expect(sampleRatioP([split(500, 9), split(500, 1)])).toBeLessThan(1e-9)
  })
})

function split(swarms: number, weight = 1) {
  return { swarms, weight }
}
