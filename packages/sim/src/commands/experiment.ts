import { parseArgs } from 'node:util'
import { type ExperimentReport, experimentReport } from '../experiment/experiment-report.ts'
import type { SimulatedArm } from '../experiment/live-traffic.ts'
import { simulatePool } from '../experiment/swarm-pool.ts'
import { type Command, positiveInteger, UsageError } from './command.ts'

/** Two settings that differ by more than chance; the difference is then scaled to the effect that is asked for. */
const control: SimulatedArm = { policy: 'default', client: { concurrency: 6, maxConcurrency: 6 } }
const candidate: SimulatedArm = { policy: 'default', client: { concurrency: 2, maxConcurrency: 2 } }

export const experimentCommand: Command = {
  name: 'experiment',
  usage: `experiment [--effect SHARE] [--swarms N] [--runs N] [--seed N] [--json]
  Whether the judge of experiments finds an effect in simulated live traffic, and none where there is none.
  --effect SHARE   of the time that the candidate saves in truth; 0.05
  --swarms N       so many different swarms, each simulated under both arms; 500
  --runs N         so many experiments without an effect, a quarter as many with one; 1000`,
  async run(args, out) {
    const { values } = parse(args)
    const effect = shareOf(values.effect)
    const swarms = positiveInteger(values.swarms, '--swarms')
    const aaRuns = positiveInteger(values.runs, '--runs')
    const seed = positiveInteger(values.seed, '--seed')
    out.note(`simulating ${swarms} swarms under two arms`)
    const pairs = await simulatePool({ swarms, seed, control, candidate })
    out.note(`running ${aaRuns} experiments without an effect and a quarter as many with one`)
    const report = experimentReport(pairs, { effect, seed, abRuns: Math.ceil(aaRuns / 4), aaRuns })
    out.print(values.json ? JSON.stringify(report) : text(report))
    return report.gates.every(({ ok }) => ok) ? 0 : 1
  },
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      effect: { type: 'string', default: '0.05' },
      swarms: { type: 'string', default: '500' },
      runs: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
}

function shareOf(given: string): number {
  const share = Number(given)
  if (share > 0 && share < 1) return share
  throw new UsageError(`--effect must be between 0 and 1, not "${given}".`)
}

function text(report: ExperimentReport): string {
  const { swarms, sd, simulatedEffect, trueEffect, ab, aa, gates } = report
  const { example } = ab
  return [
    `${swarms} swarms of 20 to 60 peers, each simulated under both arms. Mean time over bound as a logarithm: sd ${sd.toFixed(3)}.`,
    `True effect ${percent(trueEffect)} (scaled from ${percent(simulatedEffect)}).`,
    '',
    `A/B, ${ab.runs} experiments: effect found after ${ab.medianSwarmsPerArm ?? 'no number of'} swarms per arm (median; 90 %: ${ab.p90SwarmsPerArm ?? 'not'}),`,
    `  in ${percent(ab.foundShare)} of them, with the wrong sign in ${percent(ab.wrongSignShare)}.`,
    `  The first: ${example.verdict} (${example.cause}) at ${example.swarmsPerArm} swarms per arm${exampleEffect(example)}.`,
    `A/A, ${aa.runs} experiments of up to ${aa.swarmsPerArm} swarms per arm, looked at all the time: false positives ${percent(aa.falsePositiveShare)},`,
    `  false alarms of any kind ${percent(aa.falseAlarmShare)}.`,
    '',
    ...gates.map(
      ({ name, value, limit, ok }) => `${ok ? 'ok  ' : 'FAIL'} ${name}: ${value} (limit ${limit})`,
    ),
  ].join('\n')
}

function exampleEffect({ effect }: ExperimentReport['ab']['example']): string {
  if (effect === undefined) return ''
  return `, effect ${percent(effect.difference)} (${percent(effect.low)} to ${percent(effect.high)})`
}

const percent = (value: number): string => `${(value * 100).toFixed(1)} %`
