import { type Random, seededRandom } from '@damselfly/core'
import { expect, it } from 'vitest'
import { normal } from '../experiment-fixture.ts'
import { judgeRules } from './judge.ts'
import { MixtureTest } from './mixture-test.ts'
import { StratifiedDifference } from './stratified-difference.ts'

// Simulated experiments that are looked at after every pair of swarms. What the test promises is a share of many experiments,
// so it takes many to see that it keeps it.

const runs = 1_000
const sd = 0.25

interface Run {
  /** Swarms per arm when the always-valid test first called it an effect. */
  readonly foundAt: number | undefined
  /** The same for a t-test that is repeated at every look. */
  readonly naivelyFoundAt: number | undefined
}

function experiment(random: Random, effect: number, swarmsPerArm: number): Run {
  const values = new StratifiedDifference()
  const test = new MixtureTest(judgeRules)
  let naivelyFoundAt: number | undefined
  for (let swarms = 1; swarms <= swarmsPerArm; swarms++) {
    values.add('control', '', sd * normal(random))
    values.add('candidate', '', effect + sd * normal(random))
    const estimate = swarms < judgeRules.firstLook ? undefined : values.estimate()
    if (estimate === undefined) continue
    test.look(estimate)
    if (Math.abs(estimate.difference) > 1.96 * Math.sqrt(estimate.variance)) {
      naivelyFoundAt ??= swarms
    }
    if (test.pValue < judgeRules.alpha) return { foundAt: swarms, naivelyFoundAt }
  }
  return { foundAt: undefined, naivelyFoundAt }
}

function experiments(seed: number, effect: number, swarmsPerArm: number): Run[] {
  const random = seededRandom(seed)
  return Array.from({ length: runs }, () => experiment(random, effect, swarmsPerArm))
}

it('calls at most one A/A experiment in twenty an effect, where a repeated t-test calls four in ten', () => {
  const seen = experiments(1, 0, 1_000)
  const found = seen.filter(({ foundAt }) => foundAt !== undefined).length / runs
  const naively = seen.filter(({ naivelyFoundAt }) => naivelyFoundAt !== undefined).length / runs
  expect(found).toBeLessThanOrEqual(0.05)
  expect(naively).toBeGreaterThan(0.3)
  expect(naively).toBeLessThan(0.5)
})

it('finds a true effect of 5 % within 500 swarms per arm, half of the time', () => {
  const found = experiments(2, -0.05, 2_000)
    .map(({ foundAt }) => foundAt ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b)
  const median = found[runs / 2] ?? Number.POSITIVE_INFINITY
  // A test of one look at a size fixed before needs 413 for a chance of 80 %.
  expect(median).toBeLessThanOrEqual(500)
  expect(median).toBeGreaterThan(300)
  expect(found.filter((swarms) => swarms <= 2_000).length / runs).toBeGreaterThan(0.99)
})
