import { expect, test } from 'vitest'
import type { Summary } from '../report/summary.ts'
import { findScenario } from '../scenarios/scenarios.ts'
import { casesOf, type Gate, judge } from './gate.ts'
import { gates, nightlyGates } from './gates.ts'

const need = (scenario: string, policy = 'default') => ({ scenario, policy })
const summary = (scenario: string, seed: number, makespan: number, policy = 'default') =>
  ({ scenario, policy, seed, makespan }) as Summary

const makespan: Gate = {
  name: 'a',
  limit: 1.2,
  bound: 'most',
  needs: [need('a')],
  measure: (run) => run?.makespan ?? Number.NaN,
}
const ratio: Gate = {
  name: 'ratio',
  limit: 2.5,
  bound: 'least',
  needs: [need('a', 'dragonfly'), need('a')],
  measure: (theirs, ours) => (theirs?.makespan ?? 0) / (ours?.makespan ?? 1),
}

test('the worst seed counts', () => {
  const runs = [summary('a', 1, 1.1), summary('a', 2, 1.3)]
  const values = { name: 'a', limit: 1.2 }
  expect(judge(makespan, runs, [1, 2], 'default')).toEqual({ ...values, value: 1.3, ok: false })
  expect(judge(makespan, runs, [1], 'default')).toEqual({ ...values, value: 1.1, ok: true })
})

test('an advantage must be large in every seed', () => {
  const theirs = [summary('a', 1, 4, 'dragonfly'), summary('a', 2, 2, 'dragonfly')]
  const runs = [...theirs, summary('a', 1, 1), summary('a', 2, 1)]
  expect(judge(ratio, runs, [1, 2], 'default')).toMatchObject({ value: 2, ok: false })
})

test('a peer that never finishes fails a gate', () => {
  const runs = [summary('a', 1, Number.POSITIVE_INFINITY)]
  expect(judge(makespan, runs, [1], 'default').ok).toBe(false)
})

test('each case is run once, the largest first; another policy takes the place of the default', () => {
  const cases = casesOf([makespan, ratio], [1, 2], 'random', () => 1)
  expect(cases).toHaveLength(4)
  expect(new Set(cases.map(({ policy }) => policy))).toEqual(new Set(['random', 'dragonfly']))
})

test('every gate names scenarios that exist', () => {
  for (const { needs } of [...gates, ...nightlyGates]) {
    for (const { scenario } of needs) expect(findScenario(scenario), scenario).toBeDefined()
  }
})
