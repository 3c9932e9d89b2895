import type { RunResult } from '../run-scenario.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { summarise } from './summary.ts'
import { barChart, lineChart } from './svg.ts'

export interface Plot {
  readonly name: string
  readonly svg: string
}

/** Points of a curve; more make no difference to the eye. */
const CURVE_POINTS = 200

/** How the policies compare: who is done when, and what it cost the core and the origin. */
export function plotsOf(scenario: Scenario, results: readonly RunResult[]): Plot[] {
  const { title } = scenario
  const summaries = results.map(summarise)
  const bars = (of: (summary: (typeof summaries)[number]) => number) =>
    summaries.map((summary) => ({ name: summary.policy, value: of(summary) }))
  return [
    {
      name: 'completion',
      svg: lineChart(
        {
          title,
          xLabel: 'time in bounds',
          yLabel: 'peers that are done, %',
          marker: { x: 1, name: 'bound' },
        },
        results.map((result) => ({ name: result.policy, points: completion(result) })),
      ),
    },
    {
      name: 'cross-rack',
      svg: barChart(
        { title, xLabel: '', yLabel: 'bytes that left a rack, share' },
        bars(({ crossRack }) => crossRack),
      ),
    },
    {
      name: 'origin',
      svg: barChart(
        { title, xLabel: '', yLabel: 'bytes from the origin, copies' },
        bars(({ originCopies }) => originCopies),
      ),
    },
  ]
}

function completion({ finishes, boundMs }: RunResult): [number, number][] {
  const points: [number, number][] = [[0, 0]]
  const step = Math.max(1, Math.floor(finishes.length / CURVE_POINTS))
  for (let done = step; done <= finishes.length; done += step) {
    points.push([(finishes[done - 1] ?? 0) / boundMs, (100 * done) / finishes.length])
  }
  return points
}
