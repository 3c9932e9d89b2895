interface Sample {
  readonly atMs: number
  readonly bytes: number
}

/** Rate of the last few seconds, so that a display follows changes without jumping at each piece. */
export class RateMeter {
  readonly #samples: Sample[]
  readonly #windowMs: number

  constructor(nowMs: number, windowMs = 5_000) {
    this.#samples = [{ atMs: nowMs, bytes: 0 }]
    this.#windowMs = windowMs
  }

  add(bytes: number, nowMs: number): void {
    this.#samples.push({ atMs: nowMs, bytes })
    // One sample from before the window stays: the rate is measured from there.
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? 0) <= nowMs - this.#windowMs) {
      this.#samples.shift()
    }
  }

  /** Falls while nothing comes. 0 until something has come. */
  bytesPerSec(nowMs: number): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined) return 0
    const elapsedMs = nowMs - first.atMs
    return elapsedMs > 0 ? ((last.bytes - first.bytes) / elapsedMs) * 1_000 : 0
  }
}
