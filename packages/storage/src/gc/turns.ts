import { type Clock, sleep } from '@damselfly/core'

/** How much one turn of the event loop may do. */
export interface TurnLimit {
  readonly maxSteps: number
  readonly maxMs: number
  /** A pause lasts as long as the turn did, waiting included: a disk that is slow gets the more time for others. */
  readonly isGentle?: boolean
}

/**
 * Divides long work into turns, between which everything else of the process gets its turn. Two limits, because steps
 * differ in cost: a deletion may be a row or ten thousand.
 */
export class Turns {
  readonly #clock: Clock
  readonly #limit: TurnLimit
  #steps = 0
  #startedMs: number

  constructor(limit: TurnLimit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
    this.#startedMs = clock.monotonic()
  }

  /** Counts a step; true when the turn is over, and `pause` is due. */
  step(): boolean {
    this.#steps += 1
    return (
      this.#steps >= this.#limit.maxSteps ||
      this.#clock.monotonic() - this.#startedMs >= this.#limit.maxMs
    )
  }

  /** Lets all others have their turn; rejects with the signal's reason when it aborts. */
  async pause(signal?: AbortSignal): Promise<void> {
    const turnMs = this.#clock.monotonic() - this.#startedMs
    await sleep(this.#clock, this.#limit.isGentle === true ? turnMs : 0, signal)
    this.#steps = 0
    this.#startedMs = this.#clock.monotonic()
  }
}
