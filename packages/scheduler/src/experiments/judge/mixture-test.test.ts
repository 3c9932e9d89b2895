import { describe, expect, it } from 'vitest'
import { everything, halfWidth, intervalOf, likelihoodRatio, MixtureTest } from './mixture-test.ts'

const options = { tau: 0.05, alpha: 0.05 }

/** The same ratio by summing over the mixture instead of by its closed form. */
function byIntegration(difference: number, variance: number, tau: number): number {
  const density = (x: number, mean: number, sd: number): number =>
    Math.exp(-((x - mean) ** 2) / (2 * sd ** 2)) / (sd * Math.sqrt(2 * Math.PI))
  const step = tau / 1_000
  let sum = 0
  for (let effect = -8 * tau; effect <= 8 * tau; effect += step) {
    sum += density(effect, 0, tau) * density(difference, effect, Math.sqrt(variance)) * step
  }
  return sum / density(difference, 0, Math.sqrt(variance))
}

describe('likelihoodRatio', () => {
  it('is what the mixture says', () => {
    // V = tau^2 and a difference of two standard errors: exp(1) / sqrt(2).
    expect(likelihoodRatio({ difference: 0.1, variance: 0.0025 }, 0.05)).toBeCloseTo(1.9221, 4)
    for (const [difference, variance] of [
      [0, 0.001],
      [0.03, 0.0004],
      [-0.08, 0.002],
    ] as const) {
      const expected = byIntegration(difference, variance, 0.05)
      expect(likelihoodRatio({ difference, variance }, 0.05)).toBeCloseTo(expected, 6)
    }
  })
})

describe('halfWidth', () => {
  it('ends where the likelihood ratio against that effect is 1/alpha', () => {
    for (const variance of [1e-2, 1e-3, 1e-4]) {
      const half = halfWidth(variance, options)
      expect(likelihoodRatio({ difference: half, variance }, options.tau)).toBeCloseTo(20, 6)
    }
  })

  it('is wider than that of a single look', () => {
    // sd 0.25, 413 swarms per arm: 1.96 standard errors are 0.0341; V = 3.0266e-4, so
    // the square is V (V + 0.0025) (2 ln 20 + ln 9.2601) / 0.0025 = 2.7881e-3.
    const variance = (2 * 0.25 ** 2) / 413
    expect(1.96 * Math.sqrt(variance)).toBeCloseTo(0.0341, 4)
    expect(halfWidth(variance, options)).toBeCloseTo(0.0528, 4)
  })
})

describe('MixtureTest', () => {
  it('knows nothing before the first look', () => {
    const test = new MixtureTest(options)
    expect([test.pValue, test.interval]).toEqual([1, everything])
  })

  it('keeps the smallest p-value and the intersection of all intervals', () => {
    const test = new MixtureTest(options)
    const looks = [
      { difference: 0.02, variance: 1e-3 },
      { difference: -0.05, variance: 1e-4 },
      { difference: -0.01, variance: 9e-5 },
    ]
    const seen = looks.map((estimate) => {
      test.look(estimate)
      return { pValue: test.pValue, ...test.interval }
    })
    for (const [index, now] of seen.entries()) {
      const before = seen[index - 1] ?? { pValue: 1, ...everything }
      expect(now.pValue).toBeLessThanOrEqual(before.pValue)
      expect(now.low).toBeGreaterThanOrEqual(before.low)
      expect(now.high).toBeLessThanOrEqual(before.high)
    }
    expect(test.pValue).toBeCloseTo(
      1 / likelihoodRatio({ difference: -0.05, variance: 1e-4 }, 0.05),
      12,
    )
    expect(test.interval.high).toBeLessThan(0)
  })

  it('has an empty interval when the effect turns round', () => {
    const test = new MixtureTest(options)
    test.look({ difference: -0.2, variance: 1e-4 })
    test.look({ difference: 0.2, variance: 1e-4 })
    expect(test.interval.low).toBeGreaterThan(test.interval.high)
  })
})

it('intervalOf is centred on the difference', () => {
  const { low, high } = intervalOf({ difference: 0.3, variance: 1e-3 }, options)
  expect((low + high) / 2).toBeCloseTo(0.3, 12)
})
