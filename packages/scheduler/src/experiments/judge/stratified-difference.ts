import type { Estimate } from './mixture-test.ts'
import { Moments } from './moments.ts'

export type Side = 'control' | 'candidate'

interface Stratum {
  readonly control: Moments
  readonly candidate: Moments
}

export interface DifferenceOptions {
  /** Strata with fewer values than this on either side are looked at together. Default 5. */
  readonly minStratum?: number
  /** The spread of a single value is taken to be at least this. Default: no floor but that it is positive. */
  readonly minSpread?: number
}

const smallestSpread = 1e-9

/**
 * How much larger a number is on the side of the candidate, by post-stratification: values are compared within their stratum
 * and the differences weighted by how many values the stratum has. What strata differ in adds no noise then, and neither does a
 * split that gave one side more of a stratum by chance. The variance within strata is estimated for each side over all strata
 * together, since most of them are small.
 */
export class StratifiedDifference {
  readonly #strata = new Map<string, Stratum>()
  readonly #minStratum: number
  readonly #minVariance: number

  constructor({ minStratum = 5, minSpread = smallestSpread }: DifferenceOptions = {}) {
    this.#minStratum = minStratum
    this.#minVariance = minSpread ** 2
  }

  add(side: Side, stratum: string, value: number): void {
    let entry = this.#strata.get(stratum)
    if (entry === undefined) {
      entry = { control: new Moments(), candidate: new Moments() }
      this.#strata.set(stratum, entry)
    }
    entry[side].add(value)
  }

  /** Values on one side. */
  count(side: Side): number {
    let count = 0
    for (const stratum of this.#strata.values()) count += stratum[side].count
    return count
  }

  /** `undefined` while there are not two values on each side of some stratum. */
  estimate(): Estimate | undefined {
    const strata = this.#comparable()
    const variances = { control: 0, candidate: 0 }
    let total = 0
    for (const { control, candidate } of strata) total += control.count + candidate.count
    for (const side of ['control', 'candidate'] as const) {
      const variance = varianceWithin(strata.map((stratum) => stratum[side]))
      if (variance === undefined) return undefined
      variances[side] = Math.max(variance, this.#minVariance)
    }
    let difference = 0
    let variance = 0
    for (const { control, candidate } of strata) {
      const weight = (control.count + candidate.count) / total
      difference += weight * (candidate.mean - control.mean)
      variance +=
        weight ** 2 * (variances.control / control.count + variances.candidate / candidate.count)
    }
    return { difference, variance }
  }

  /** Those that have enough values on both sides, and all others as one when they have together. */
  #comparable(): Stratum[] {
    const enough: Stratum[] = []
    const rest: Stratum = { control: new Moments(), candidate: new Moments() }
    for (const stratum of this.#strata.values()) {
      const { control, candidate } = stratum
      if (Math.min(control.count, candidate.count) >= this.#minStratum) enough.push(stratum)
      else {
        rest.control.merge(control)
        rest.candidate.merge(candidate)
      }
    }
    if (Math.min(rest.control.count, rest.candidate.count) > 0) enough.push(rest)
    return enough
  }
}

function varianceWithin(cells: readonly Moments[]): number | undefined {
  let squares = 0
  let freedom = 0
  for (const cell of cells) {
    squares += cell.squares
    freedom += cell.count - 1
  }
  return freedom > 0 ? squares / freedom : undefined
}
