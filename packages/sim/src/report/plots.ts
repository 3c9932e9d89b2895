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

/** Nobody is done before the first one is, and the last one is always drawn: that is the makespan. */
export function completion({
  finishes,
  boundMs,
}: Pick<RunResult, 'finishes' | 'boundMs'>): [number, number][] {
  const all = finishes.length
  const at = (done: number) => (finishes[done - 1] ?? 0) / boundMs
  const points: [number, number][] = [
    [0, 0],
    [at(1), 0],
  ]
  const step = Math.max(1, Math.floor(all / CURVE_POINTS))
  for (let done = step; done < all; done += step) points.push([at(done), (100 * done) / all])
  if (all > 0) points.push([at(all), 100])
  return points
}
