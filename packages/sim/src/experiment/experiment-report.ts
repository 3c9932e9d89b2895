import { seededRandom } from '@damselfly/core'
import { scaledTo, spread, trueEffect } from './scale-effect.ts'
import type { SwarmPair } from './swarm-pool.ts'
import { runTrial, type Trial } from './trials.ts'

export interface ReportOptions {
  /** Share of the time that the candidate saves in truth, e.g. 0.05. */
  readonly effect: number
  readonly seed: number
  /** Repeated experiments with that effect, and without any. */
  readonly abRuns: number
  readonly aaRuns: number
}

export interface ExperimentReport {
  readonly swarms: number
  readonly sd: number
  /** Logarithms of times, candidate less control: as simulated, and as scaled. */
  readonly simulatedEffect: number
  readonly trueEffect: number
  readonly ab: {
    readonly runs: number
    /** Swarms per arm after which the effect was found; half of the runs needed no more than the median. */
    readonly medianSwarmsPerArm: number | null
    readonly p90SwarmsPerArm: number | null
    /** Runs in which it was found at all, and those with the wrong sign. */
    readonly foundShare: number
    readonly wrongSignShare: number
    /** The first of the runs. */
    readonly example: ExampleRun
  }
  readonly aa: {
    readonly runs: number
    readonly swarmsPerArm: number
    /** Runs that called it an effect, and those that said ship or stop for any reason but that their time was over. */
    readonly falsePositiveShare: number
    readonly falseAlarmShare: number
  }
  readonly gates: readonly {
    readonly name: string
    readonly value: number
    readonly limit: number
    readonly ok: boolean
  }[]
}

export interface ExampleRun {
  readonly verdict: string
  readonly cause: string
  readonly swarmsPerArm: number
  readonly effect?: { readonly difference: number; readonly low: number; readonly high: number }
}

const AB_SWARMS_PER_ARM = 3_000
const AA_SWARMS_PER_ARM = 1_000
const limits = { swarmsPerArm: 500, falsePositives: 0.05 }

/** What the judge makes of these swarms when the candidate is better by `effect`, and when there is no candidate at all. */
export function experimentReport(
  pairs: readonly SwarmPair[],
  { effect, seed, abRuns, aaRuns }: ReportOptions,
): ExperimentReport {
  const random = seededRandom(seed)
  const scaled = scaledTo(Math.log1p(-effect), pairs)
  const same = pairs.map(({ control }) => ({ control, candidate: control }))
  const trials = (runs: number, from: readonly SwarmPair[], swarmsPerArm: number) =>
    Array.from({ length: runs }, () => runTrial(from, { swarmsPerArm, random }))
  const ab = abPart(trials(abRuns, scaled, AB_SWARMS_PER_ARM), trueEffect(scaled))
  const aa = aaPart(trials(aaRuns, same, AA_SWARMS_PER_ARM))
  const median = ab.medianSwarmsPerArm ?? Number.MAX_SAFE_INTEGER
  return {
    swarms: pairs.length,
    sd: spread(pairs),
    simulatedEffect: trueEffect(pairs),
    trueEffect: trueEffect(scaled),
    ab,
    aa,
    gates: [
      gate(`effect of ${effect * 100} % found, swarms per arm`, median, limits.swarmsPerArm),
      gate('A/A false positives', aa.falsePositiveShare, limits.falsePositives),
    ],
  }
}

const gate = (name: string, value: number, limit: number) => ({
  name,
  value,
  limit,
  ok: value <= limit,
})

function abPart(trials: readonly Trial[], effect: number): ExperimentReport['ab'] {
  const found = trials.map(({ foundAt = Number.POSITIVE_INFINITY }) => foundAt).toSorted(ascending)
  const at = (share: number): number | null => {
    const swarms = found[Math.ceil(share * found.length) - 1] ?? Number.POSITIVE_INFINITY
    return Number.isFinite(swarms) ? swarms : null
  }
  const wrong = trials.filter(({ foundAt, judgement }) => {
    const { low = 0, high = 0 } = judgement.effect?.interval ?? {}
    return foundAt !== undefined && (effect < 0 ? low > 0 : high < 0)
  })
  return {
    runs: trials.length,
    medianSwarmsPerArm: at(0.5),
    p90SwarmsPerArm: at(0.9),
    foundShare: shareOf(trials, ({ foundAt }) => foundAt !== undefined),
    wrongSignShare: wrong.length / trials.length,
    example: exampleOf(trials[0]),
  }
}

function aaPart(trials: readonly Trial[]): ExperimentReport['aa'] {
  return {
    runs: trials.length,
    swarmsPerArm: AA_SWARMS_PER_ARM,
    falsePositiveShare: shareOf(trials, ({ foundAt }) => foundAt !== undefined),
    falseAlarmShare: shareOf(
      trials,
      ({ verdict, cause, foundAt }) =>
        foundAt !== undefined || (verdict !== 'continue' && cause !== 'spent'),
    ),
  }
}

const shareOf = (trials: readonly Trial[], is: (trial: Trial) => boolean): number =>
  trials.filter(is).length / Math.max(1, trials.length)

const ascending = (a: number, b: number): number => a - b

function exampleOf(trial: Trial | undefined): ExampleRun {
  if (trial === undefined) return { verdict: '', cause: '', swarmsPerArm: 0 }
  const { verdict, cause, judgement } = trial
  const { effect, swarms } = judgement
  return {
    verdict,
    cause,
    swarmsPerArm: Math.min(swarms.control, swarms.candidate),
    ...(effect && { effect: { difference: effect.difference, ...effect.interval } }),
  }
}
