import { expect, test } from 'vitest'
import { fuzzFrames } from '../fuzz/frames.ts'

test('20,000 mutated frames are understood, waited for or refused', () => {
  const report = fuzzFrames({ iterations: 20_000, seed: 1 })
  const { accepted, refused, unfinished } = report
  expect(accepted + refused + unfinished).toBe(20_000)
  // Each kind of outcome is reached, or the mutations are too wild or too tame.
  expect(Math.min(accepted, refused, unfinished)).toBeGreaterThan(1000)
})

test('the same seed gives the same run', () => {
  const run = () => {
    const { peakBytes: _, ...counts } = fuzzFrames({ iterations: 500, seed: 7 })
    return counts
  }
  expect(run()).toEqual(run())
})
