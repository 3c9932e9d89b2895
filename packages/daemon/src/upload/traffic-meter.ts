import type { Clock } from '@damselfly/core'

/** Bytes per second over the last full second or so; cheap enough to be told of every piece. */
export class TrafficMeter {
  readonly #clock: Clock
  #windowStart: number
  #windowBytes = 0
  #lastRate = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#windowStart = clock.monotonic()
  }

  add(bytes: number): void {
    this.#roll()
    this.#windowBytes += bytes
  }

  get bytesPerSec(): number {
    this.#roll()
    return this.#lastRate
  }

  #roll(): void {
    const elapsedMs = this.#clock.monotonic() - this.#windowStart
    if (elapsedMs < 1_000) return
    this.#lastRate = (this.#windowBytes / elapsedMs) * 1_000
    this.#windowBytes = 0
    this.#windowStart += elapsedMs
  }
}
