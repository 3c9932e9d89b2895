import { expect, test } from 'vitest'
import { runScenario } from '../run-scenario.ts'
import { findScenario, scenarios } from '../scenarios/scenarios.ts'
import { completion, plotsOf } from './plots.ts'
import { quantile, summarise } from './summary.ts'
import { barChart } from './svg.ts'
import { renderSummaries } from './table.ts'

test('quantiles are values that occur', () => {
  const values = Float64Array.from([1, 2, 3, 4])
  expect([0, 0.25, 0.5, 0.51, 0.99, 1].map((share) => quantile(values, share))).toEqual([
    1, 1, 2, 3, 4, 4,
  ])
  expect(quantile(new Float64Array(0), 0.5)).toBe(0)
})

test('a run is told in a table and in plots', () => {
  const scenario = { ...findScenario('few-pieces')!, peers: 10 }
  const results = ['default', 'dragonfly'].map((policy) =>
    runScenario(scenario, { policy, seed: 1 }),
  )
  const lines = renderSummaries(results.map(summarise)).split('\n')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['policy', 'default', 'dragonfly'])
  const plots = plotsOf(scenario, results)
  expect(plots.map(({ name }) => name)).toEqual(['completion', 'cross-rack', 'origin'])
  for (const { svg } of plots) {
    expect(svg).toMatch(/^<svg .*<\/svg>\n$/s)
    expect(svg).not.toContain('NaN')
  }
})

test('text in a plot is escaped', () => {
  const chart = { title: 'a < b & "c"', xLabel: '', yLabel: '' }
  expect(barChart(chart, [{ name: '<', value: 0 }])).toContain('a &lt; b &amp; &quot;c&quot;')
})

test('axes are marked at round numbers, also when there is nothing to show', () => {
  const chart = { title: '', xLabel: '', yLabel: '' }
  const marks = (svg: string) => [...svg.matchAll(/text-anchor="end">([^<]*)</g)].map((m) => m[1])
  expect(marks(barChart(chart, [{ name: 'a', value: 1.107 }]))).toEqual(['0', '0.5', '1', '1.5'])
  expect(marks(barChart(chart, [{ name: 'a', value: 0 }]))).toEqual([
    '0',
    '0.2',
    '0.4',
    '0.6',
    '0.8',
    '1',
  ])
  expect(marks(barChart(chart, [{ name: 'a', value: 202 }])).at(-1)).toBe('250')
})

test('a curve stays at nobody until the first one is done, and ends with the last one', () => {
  const finishes = Float64Array.from({ length: 479 }, (_, i) => 1000 + i)
  const curve = completion({ finishes, boundMs: 1000 })
  expect(curve.slice(0, 2)).toEqual([
    [0, 0],
    [1, 0],
  ])
  expect(curve.at(-1)).toEqual([1.478, 100])
})

test('scenarios have names of their own', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
})
