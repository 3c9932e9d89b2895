import type { GuardrailName } from '../experiment.ts'
import type { SwarmRecord } from '../swarm-record.ts'
import { type Interval, intervalOf } from './mixture-test.ts'
import { type Side, StratifiedDifference } from './stratified-difference.ts'

interface GuardrailRule {
  /** More is worse. `undefined`: not known of this swarm. */
  readonly of: (record: SwarmRecord) => number | undefined
  /** How much worse is still as good. */
  readonly margin: number
  /** It can end an experiment, but nobody waits for the proof that it holds: single swarms say too little. */
  readonly isWatched?: boolean
}

const log = (value: number | undefined): number | undefined =>
  value === undefined || value <= 0 ? undefined : Math.log(value)

const perContent = ({ contentLength }: SwarmRecord, bytes: number | undefined) =>
  bytes === undefined ? undefined : bytes / contentLength

function received({ bytes }: SwarmRecord): number {
  return bytes === undefined ? 0 : bytes.origin + bytes.seed + bytes.near + bytes.far
}

const share = (part: number | undefined, whole: number): number | undefined =>
  part === undefined || whole === 0 ? undefined : part / whole

/** Times and amplifications as logarithms (0.05 = 5 %), shares and the origin's amplification as they are. */
const rules: Readonly<Record<GuardrailName, GuardrailRule>> = {
  p99: { of: (r) => log(r.p99Seconds / r.boundSeconds), margin: 0.05 },
  failures: { of: (r) => r.failedPeers / r.peers, margin: 0.005 },
  origin: { of: (r) => perContent(r, r.bytes?.origin), margin: 0.02 },
  seed: { of: (r) => log(perContent(r, r.bytes?.seed)), margin: 0.05 },
  crossRack: { of: (r) => share(r.bytes?.far, received(r)), margin: 0.02 },
  crossIdc: { of: (r) => share(r.crossIdcBytes, received(r)), margin: 0.02 },
  decision: { of: (r) => log(r.decisionP99Us), margin: 0.05, isWatched: true },
  clientCpu: {
    of: (r) => log(share(r.clientCpuSeconds, received(r))),
    margin: 0.05,
    isWatched: true,
  },
}

/**
 * `held`: surely no worse than the margin allows. `broken`: surely worse than that. `open`: not known yet. `unknown`: no data.
 */
export type GuardrailState = 'held' | 'broken' | 'open' | 'unknown'

export interface GuardrailReport {
  readonly name: GuardrailName
  readonly state: GuardrailState
  readonly margin: number
  readonly isWatched: boolean
  /** Candidate less control; absent while there is too little data. */
  readonly difference?: number
  readonly interval?: Interval
}

/**
 * One guardrail of one candidate: non-inferiority with a margin, good at every moment. The interval has both sides at the
 * level that one of them needs, which errs on the safe side.
 */
export class Guardrail {
  readonly #name: GuardrailName
  readonly #rule: GuardrailRule
  readonly #margin: number
  readonly #alpha: number
  readonly #values: StratifiedDifference

  constructor(
    name: GuardrailName,
    { alpha, margin }: { alpha: number; margin?: number | undefined },
  ) {
    this.#name = name
    this.#rule = rules[name]
    this.#margin = margin ?? this.#rule.margin
    this.#alpha = alpha
    // Thirty swarms without a single failure do not prove that there are none: single values count as spread by the margin
    // at least, which then takes just about thirty of them.
    this.#values = new StratifiedDifference({ minSpread: this.#margin })
  }

  add(side: Side, stratum: string, record: SwarmRecord): void {
    const value = this.#rule.of(record)
    if (value !== undefined && Number.isFinite(value)) this.#values.add(side, stratum, value)
  }

  report(): GuardrailReport {
    const name = this.#name
    const margin = this.#margin
    const isWatched = this.#rule.isWatched === true
    const estimate = this.#values.estimate()
    if (estimate === undefined) return { name, margin, isWatched, state: 'unknown' }
    const interval = intervalOf(estimate, { tau: margin, alpha: this.#alpha })
    const state = interval.high < margin ? 'held' : interval.low > margin ? 'broken' : 'open'
    return { name, margin, isWatched, state, difference: estimate.difference, interval }
  }
}
