import { type Experiment, guardrailNames } from '../experiment.ts'
import { isEligible, type SwarmRecord, slowness, stratumOf } from '../swarm-record.ts'
import { Guardrail, type GuardrailReport } from './guardrails.ts'
import { type Interval, MixtureTest } from './mixture-test.ts'
import { sampleRatioP } from './sample-ratio.ts'
import { type Side, StratifiedDifference } from './stratified-difference.ts'
import { type Finding, findingOf } from './verdict.ts'

/** What the judge goes by; `alpha` is shared by all candidates of an experiment. */
export const judgeRules = { tau: 0.05, alpha: 0.05, firstLook: 30 } as const

/** How a candidate does against the control. */
export interface Judgement extends Finding {
  readonly candidate: string
  readonly swarms: { readonly control: number; readonly candidate: number }
  /** Logarithm of mean completion over bound, candidate less control: -0.05 is 5 % faster. Absent before the first look. */
  readonly effect?: {
    readonly difference: number
    /** Holds the true effect at every moment of the experiment with 95 %. */
    readonly interval: Interval
    readonly pValue: number
  }
  readonly guardrails: readonly GuardrailReport[]
  readonly sampleRatioP: number
}

type JudgedExperiment = Pick<Experiment, 'arms' | 'minPeers' | 'maxSwarmsPerArm' | 'margins'>

/**
 * Judges an experiment from the records of its swarms, in the order in which they ended. It may be asked after each of them:
 * the test allows for that. The same records give the same judgement.
 */
export class Judge {
  readonly #experiment: JudgedExperiment
  readonly #comparisons: readonly Comparison[]

  constructor(experiment: JudgedExperiment) {
    const [, ...candidates] = experiment.arms
    this.#experiment = experiment
    const alpha = judgeRules.alpha / Math.max(1, candidates.length)
    this.#comparisons = candidates.map(({ name, weight }) => {
      return new Comparison({ experiment, name, weight, alpha })
    })
  }

  add(record: SwarmRecord): void {
    if (!isEligible(record, this.#experiment.minPeers)) return
    const isControl = record.arm === this.#experiment.arms[0].name
    for (const comparison of this.#comparisons) {
      if (isControl) comparison.add('control', record)
      else if (record.arm === comparison.name) comparison.add('candidate', record)
    }
  }

  judgements(): Judgement[] {
    return this.#comparisons.map((comparison) => comparison.judgement())
  }
}

interface ComparisonOptions {
  readonly experiment: JudgedExperiment
  readonly name: string
  readonly weight: number
  readonly alpha: number
}

/** A candidate beside the control. */
class Comparison {
  readonly name: string
  readonly #options: ComparisonOptions
  readonly #slowness = new StratifiedDifference()
  readonly #test: MixtureTest
  readonly #guardrails: readonly Guardrail[]
  readonly #swarms = { control: 0, candidate: 0 }

  constructor(options: ComparisonOptions) {
    const { name, alpha, experiment } = options
    this.name = name
    this.#options = options
    this.#test = new MixtureTest({ tau: judgeRules.tau, alpha })
    this.#guardrails = guardrailNames.map((each) => {
      return new Guardrail(each, { alpha, margin: experiment.margins[each] })
    })
  }

  add(side: Side, record: SwarmRecord): void {
    const stratum = stratumOf(record)
    this.#swarms[side] += 1
    this.#slowness.add(side, stratum, slowness(record))
    for (const guardrail of this.#guardrails) guardrail.add(side, stratum, record)
    if (!this.#isEarly()) {
      const estimate = this.#slowness.estimate()
      if (estimate !== undefined) this.#test.look(estimate)
    }
  }

  judgement(): Judgement {
    const { experiment, weight } = this.#options
    const { interval, pValue } = this.#test
    const swarms = { ...this.#swarms }
    const guardrails = this.#guardrails.map((guardrail) => guardrail.report())
    const p = sampleRatioP([
      { swarms: swarms.control, weight: experiment.arms[0].weight },
      { swarms: swarms.candidate, weight },
    ])
    const { firstLook } = judgeRules
    const { maxSwarmsPerArm } = experiment
    const evidence = { swarms, firstLook, maxSwarmsPerArm, interval, guardrails, sampleRatioP: p }
    const estimate = this.#isEarly() ? undefined : this.#slowness.estimate()
    return {
      candidate: this.name,
      swarms,
      ...(estimate && { effect: { difference: estimate.difference, interval, pValue } }),
      guardrails,
      sampleRatioP: p,
      ...findingOf(evidence),
    }
  }

  #isEarly(): boolean {
    return Math.min(this.#swarms.control, this.#swarms.candidate) < judgeRules.firstLook
  }
}
