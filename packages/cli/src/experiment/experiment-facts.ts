import type {
  ExperimentStatus,
  GetExperimentResponse,
  Guardrail,
  Judgement,
  ShadowReport,
} from '@damselfly/api/experiment'

/** An experiment as `--json` prints it. Logarithms of times: -0.05 is 5 % faster. */
export interface ExperimentFacts {
  readonly name: string
  readonly isRunning: boolean
  readonly startedAt: string
  readonly stoppedAt?: string
  /** Swarms that were summed up, small ones too. */
  readonly swarms: number
  readonly minPeers: number
  readonly candidates: readonly CandidateFacts[]
}

export interface CandidateFacts {
  readonly candidate: string
  readonly swarms: { readonly control: number; readonly candidate: number }
  readonly effect?: {
    readonly difference: number
    readonly low: number
    readonly high: number
    readonly pValue: number
  }
  readonly guardrails: readonly GuardrailFacts[]
  readonly sampleRatioP: number
  readonly verdict: string
  readonly cause: string
  readonly reasons: readonly string[]
}

export interface GuardrailFacts {
  readonly name: string
  readonly state: string
  readonly margin: number
  readonly isWatched: boolean
  readonly difference?: number
  readonly low?: number
  readonly high?: number
}

export interface ShadowFacts {
  readonly candidate: string
  readonly decisions: number
  readonly overlap: number
  readonly sameFirst: number
  readonly meanUs: number
  readonly p99Us: number
  readonly skipped: number
  readonly failures: number
}

export interface StatusFacts {
  readonly experiment?: ExperimentFacts
  readonly shadow?: ShadowFacts
}

export function statusFacts({ status, shadow }: Pick<GetExperimentResponse, 'status' | 'shadow'>) {
  return {
    ...(status && { experiment: experimentFacts(status) }),
    ...(shadow && { shadow: shadowFacts(shadow) }),
  } satisfies StatusFacts
}

export function experimentFacts(status: ExperimentStatus): ExperimentFacts {
  const { experiment, isRunning, startedAt, stoppedAt, swarms, judgements } = status
  return {
    name: experiment?.name ?? '',
    isRunning,
    startedAt: timeText(startedAt),
    ...(isRunning ? {} : { stoppedAt: timeText(stoppedAt) }),
    swarms: Number(swarms),
    minPeers: experiment?.minPeers ?? 0,
    candidates: judgements.map(candidateFacts),
  }
}

function candidateFacts(judgement: Judgement): CandidateFacts {
  const { candidate, controlSwarms, candidateSwarms, effect, guardrails } = judgement
  const { sampleRatioP, verdict, cause, reasons } = judgement
  return {
    candidate,
    swarms: { control: Number(controlSwarms), candidate: Number(candidateSwarms) },
    ...(effect && { effect: effectFacts(effect) }),
    guardrails: guardrails.map(guardrailFacts),
    sampleRatioP,
    verdict,
    cause,
    reasons,
  }
}

const effectFacts = ({ difference, low, high, pValue }: NonNullable<Judgement['effect']>) => ({
  difference,
  low,
  high,
  pValue,
})

function guardrailFacts({ name, state, margin, isWatched, difference, low, high }: Guardrail) {
  const isKnown = difference !== undefined && low !== undefined && high !== undefined
  return { name, state, margin, isWatched, ...(isKnown ? { difference, low, high } : {}) }
}

const shadowFacts = ({ $typeName: _, decisions, skipped, failures, ...rest }: ShadowReport) => ({
  ...rest,
  decisions: Number(decisions),
  skipped: Number(skipped),
  failures: Number(failures),
})

const timeText = (ms: bigint): string => new Date(Number(ms)).toISOString()
