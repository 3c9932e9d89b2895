/** What two policies chose for the same children, compared. */
export interface ComparedChoices {
  readonly decisions: number
  /** Mean share of parents that both name, 0 to 1; the longer list counts. */
  readonly overlap: number
  /** Share of decisions in which both put the same parent first. */
  readonly sameFirst: number
  /** What one decision of the policy under trial costs, microseconds. */
  readonly meanUs: number
  readonly p99Us: number
}

/** Costs that are remembered for their 99th percentile: the newest ones. */
const MAX_COSTS = 4_096

export class ChoicesCompared {
  #decisions = 0
  #overlap = 0
  #sameFirst = 0
  #totalUs = 0
  readonly #costs = new Float64Array(MAX_COSTS)

  /** Both lists best first. */
  add(chosen: Int32Array, other: Int32Array, micros: number): void {
    this.#costs[this.#decisions % MAX_COSTS] = micros
    this.#decisions += 1
    this.#totalUs += micros
    this.#overlap += overlap(chosen, other)
    if (chosen[0] === other[0]) this.#sameFirst += 1
  }

  report(): ComparedChoices {
    const decisions = this.#decisions
    const costs = this.#costs.slice(0, Math.min(decisions, MAX_COSTS)).sort()
    const each = Math.max(1, decisions)
    return {
      decisions,
      overlap: this.#overlap / each,
      sameFirst: this.#sameFirst / each,
      meanUs: this.#totalUs / each,
      p99Us: costs[Math.ceil(0.99 * costs.length) - 1] ?? 0,
    }
  }
}

/** Overlap at k: how many both name, of as many as the longer list has. Two empty lists agree. */
export function overlap(a: Int32Array, b: Int32Array): number {
  const longer = Math.max(a.length, b.length)
  if (longer === 0) return 1
  let common = 0
  for (const id of a) if (b.includes(id)) common += 1
  return common / longer
}
