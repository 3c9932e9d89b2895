import { type Clock, DfError, type Log, type Random, seededRandom } from '@damselfly/core'
import { MAX_PARENTS, type ParentPolicy, type SwarmView } from '@damselfly/policy'
import { ChoicesCompared, type ComparedChoices } from './choices-compared.ts'

export interface ShadowOptions {
  /** The policy under trial; what it chooses is compared and thrown away. */
  readonly candidate: ParentPolicy
  /** Share of the decisions that it is asked for, 0 to 1. */
  readonly share: number
}

export interface ShadowDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: Random
  /** The scheduler has no time for this. */
  readonly isLate: () => boolean
  readonly log: Log
}

export interface ShadowReport extends ComparedChoices {
  readonly candidate: string
  /** Decisions of the share that were passed over because the scheduler was late. */
  readonly skipped: number
  /** It threw; after a few times in a row it is asked no more. */
  readonly failures: number
}

export interface Decision {
  readonly view: SwarmView
  readonly child: number
  readonly k: number
  /** The child's parents before. */
  readonly old: Int32Array
  /** What the policy in use named, best first. */
  readonly chosen: Int32Array
}

const MAX_FAILURES_IN_A_ROW = 3

/** Asks a policy under trial what it would have done, on the live view and without any consequence. */
export class Shadow {
  readonly #options: ShadowOptions
  readonly #deps: ShadowDeps
  readonly #compared = new ChoicesCompared()
  readonly #out = new Int32Array(MAX_PARENTS)
  #skipped = 0
  #failures = 0
  #failuresInARow = 0

  constructor(options: ShadowOptions, deps: ShadowDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** True for the share of decisions that are to be given to `compare`. */
  draws(): boolean {
    if (this.#failuresInARow >= MAX_FAILURES_IN_A_ROW) return false
    if (this.#deps.random.next() >= this.#options.share) return false
    if (!this.#deps.isLate()) return true
    this.#skipped += 1
    return false
  }

  compare({ view, child, k, old, chosen }: Decision): void {
    const { clock, random } = this.#deps
    const { candidate } = this.#options
    const room = this.#out.subarray(0, Math.min(k, MAX_PARENTS))
    // Chance of its own: the policy in use must not notice that it is watched.
    const chance = seededRandom(random.next() * 2 ** 32)
    const startedAt = clock.monotonic()
    try {
      const count = candidate.parents(view, child, room.length, chance, room, old)
      const micros = (clock.monotonic() - startedAt) * 1_000
      this.#compared.add(chosen, room.subarray(0, count), micros)
      this.#failuresInARow = 0
    } catch (error) {
      this.#failed(error)
    }
  }

  report(): ShadowReport {
    return {
      candidate: this.#options.candidate.name,
      ...this.#compared.report(),
      skipped: this.#skipped,
      failures: this.#failures,
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1
    this.#failuresInARow += 1
    const { name } = this.#options.candidate
    const err = DfError.from(error)
    this.#deps.log.warn({ err, policy: name }, 'the policy under trial failed')
  }
}
