import { setImmediate } from 'node:timers/promises'
import { DfError } from '../errors/df-error.ts'
import type { CancelTimer, Clock } from './clock.ts'

interface Timer {
  readonly dueMs: number
  readonly fn: () => void
}

/** More timers than this within one `advance` mean a loop of timers without delay. */
const maxTimersPerAdvance = 1_000_000

/** A clock for tests that stands still until it is told to move. `now` and `monotonic` move together. */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  readonly #timers = new Set<Timer>()

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  schedule(delayMs: number, fn: () => void): CancelTimer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), fn }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** How many timers wait; 0 at the end of a test says that nothing was left armed. */
  get pending(): number {
    return this.#timers.size
  }

  /**
   * Moves on by `ms`. Every timer that is due meanwhile runs at its own time, in order, those that others set
   * included; promises settle before the first and after each of them.
   */
  async advance(ms: number): Promise<void> {
    await setImmediate()
    const target = this.#nowMs + ms
    for (let ran = 0; ; ran++) {
      const next = this.#next()
      if (next === undefined || next.dueMs > target) break
      if (ran === maxTimersPerAdvance)
        throw new DfError('Internal', `over ${ran} timers within ${ms} ms`)
      this.#timers.delete(next)
      this.#nowMs = next.dueMs
      next.fn()
      await setImmediate()
    }
    this.#nowMs = target
  }

  /** The first of the earliest timers: a Set keeps the order of insertion. */
  #next(): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer
    }
    return next
  }
}
