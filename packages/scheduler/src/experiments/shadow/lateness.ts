/** Later than this, the scheduler has no time for anything but scheduling. */
const LATE_MS = 50

/** Whether the event loop keeps up, from how late a tick comes that is planned at equal intervals. */
export class Lateness {
  readonly #intervalMs: number
  #lastAt: number | undefined
  #isLate = false

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** As of the last tick. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** `monotonicMs`: now. */
  tick(monotonicMs: number): void {
    if (this.#lastAt !== undefined) {
      this.#isLate = monotonicMs - this.#lastAt - this.#intervalMs > LATE_MS
    }
    this.#lastAt = monotonicMs
  }
}
