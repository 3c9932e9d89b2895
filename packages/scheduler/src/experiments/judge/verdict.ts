import type { GuardrailReport } from './guardrails.ts'
import type { Interval } from './mixture-test.ts'

/** What to do with a candidate: make it the default, end the experiment without, or wait for more swarms. */
export type Verdict = 'ship' | 'stop' | 'continue'

/** Why; `reasons` says it in words. */
export type Cause =
  | 'better'
  | 'worse'
  | 'guardrail'
  | 'sample-ratio'
  | 'drift'
  | 'spent'
  | 'too-early'
  | 'undecided'

export interface Finding {
  readonly verdict: Verdict
  readonly cause: Cause
  readonly reasons: readonly string[]
}

export interface Evidence {
  readonly swarms: { readonly control: number; readonly candidate: number }
  readonly firstLook: number
  readonly maxSwarmsPerArm: number
  /** Of the effect, as a logarithm; negative is faster. */
  readonly interval: Interval
  readonly sampleRatioP: number
  readonly guardrails: readonly GuardrailReport[]
}

/** Below this the split is not what the weights say; so small because it is looked at again and again. */
const SAMPLE_RATIO_LIMIT = 0.001

/** What the evidence says. Doubts about the data come first, harm before gain. */
export function findingOf(evidence: Evidence): Finding {
  return doubt(evidence) ?? harm(evidence) ?? gain(evidence) ?? rest(evidence)
}

function doubt({ swarms, firstLook, sampleRatioP, interval }: Evidence): Finding | undefined {
  const { control, candidate } = swarms
  if (control + candidate >= 2 * firstLook && sampleRatioP < SAMPLE_RATIO_LIMIT) {
    return found(
      'stop',
      'sample-ratio',
      `${control} swarms of the control and ${candidate} of the candidate were counted, which the weights do not explain: some get lost, and what is left cannot be compared.`,
    )
  }
  const smaller = Math.min(control, candidate)
  if (smaller < firstLook) {
    return found(
      'continue',
      'too-early',
      `The first look is at ${firstLook} swarms per arm; ${smaller} have been counted.`,
    )
  }
  if (interval.low <= interval.high) return undefined
  return found(
    'stop',
    'drift',
    'The effect changed during the experiment: no number stands for all of it.',
  )
}

function harm({ guardrails, interval }: Evidence): Finding | undefined {
  const broken = guardrails.filter(({ state }) => state === 'broken')
  if (broken.length > 0) {
    return found('stop', 'guardrail', ...broken.map(brokenText))
  }
  if (interval.low <= 0) return undefined
  return found('stop', 'worse', `Downloads take longer, by at least ${percent(interval.low)}.`)
}

function gain({ guardrails, interval }: Evidence): Finding | undefined {
  if (interval.high >= 0) return undefined
  const faster = `Downloads are faster, by at least ${percent(interval.high)}`
  const open = guardrails.filter(({ state, isWatched }) => state === 'open' && !isWatched)
  if (open.length === 0)
    return found(
      'ship',
      'better',
      `${faster}, and no guardrail is broken.`,
      ...unmeasured(guardrails),
    )
  const names = open.map(({ name }) => name).join(', ')
  return found(
    'continue',
    'undecided',
    `${faster}, but it is not known yet whether these hold: ${names}.`,
  )
}

function rest({ swarms, maxSwarmsPerArm }: Evidence): Finding {
  if (Math.min(swarms.control, swarms.candidate) < maxSwarmsPerArm) {
    return found('continue', 'undecided', 'The interval still includes no effect.')
  }
  return found(
    'stop',
    'spent',
    `${maxSwarmsPerArm} swarms per arm showed no effect: if there is one, it is too small to matter.`,
  )
}

function unmeasured(guardrails: readonly GuardrailReport[]): string[] {
  const names = guardrails.filter(({ state }) => state === 'unknown').map(({ name }) => name)
  return names.length === 0 ? [] : [`Not measured: ${names.join(', ')}.`]
}

const brokenText = ({ name, margin, interval }: GuardrailReport): string =>
  `${name} is worse by at least ${percent(interval?.low ?? 0)}, more than the ${percent(margin)} allowed.`

const percent = (value: number): string => `${(Math.abs(value) * 100).toFixed(1)} %`

const found = (verdict: Verdict, cause: Cause, ...reasons: string[]): Finding => ({
  verdict,
  cause,
  reasons,
})
