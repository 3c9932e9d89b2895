import { type Clock, DfError, Listeners } from '@damselfly/core'

/** A chunk takes so much of a limit's time at most: short enough to be fair, long enough to be worth a system call. */
const chunkMs = 20
/** What may pass at once after a pause. The rest over the chunk makes up for timers that come late. */
const burstMs = 60
const maxChunkBytes = 1024 * 1024

/**
 * A rate, exact from some bytes to many gigabytes per second: over any time `t` no more passes than `t` and 60 ms bring.
 * It only counts; who waits, and in which order, is the governor's business.
 */
export class RateLimit {
  readonly #clock: Clock
  #bytesPerSec: number
  #tokens: number
  #filledAtMs: number
  /** Another rate holds. */
  readonly changes = new Listeners<void>()

  /** `Infinity` is no limit. */
  constructor(bytesPerSec: number, { clock }: { clock: Clock }) {
    this.#clock = clock
    this.#bytesPerSec = checkRate(bytesPerSec)
    this.#filledAtMs = clock.monotonic()
    this.#tokens = this.#burstBytes
  }

  get bytesPerSec(): number {
    return this.#bytesPerSec
  }

  /** Holds for those who wait, too. */
  setRate(bytesPerSec: number): void {
    if (bytesPerSec === this.#bytesPerSec) return
    this.#fill()
    this.#bytesPerSec = checkRate(bytesPerSec)
    this.#tokens = Math.min(this.#tokens, this.#burstBytes)
    this.changes.emit()
  }

  /** The largest chunk that leaves the rate smooth. */
  get chunkBytes(): number {
    const bytes = Math.floor((this.#bytesPerSec * chunkMs) / 1000)
    return Math.min(Math.max(1, bytes), maxChunkBytes)
  }

  /** Milliseconds until so many bytes may pass; 0 is now. More than the bucket holds waits for a full one. */
  waitMs(bytes: number): number {
    if (this.#bytesPerSec === Number.POSITIVE_INFINITY) return 0
    this.#fill()
    const missing = Math.min(bytes, this.#burstBytes) - this.#tokens
    // A rounding error must not lead to a timer that never gets anywhere.
    return missing <= 1e-6 ? 0 : (missing / this.#bytesPerSec) * 1000
  }

  /** They pass; the bucket may be left in debt. */
  spend(bytes: number): void {
    if (this.#bytesPerSec === Number.POSITIVE_INFINITY) return
    this.#fill()
    this.#tokens -= bytes
  }

  get #burstBytes(): number {
    if (this.#bytesPerSec === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER
    return Math.max(1, (this.#bytesPerSec * burstMs) / 1000)
  }

  #fill(): void {
    const nowMs = this.#clock.monotonic()
    if (this.#bytesPerSec !== Number.POSITIVE_INFINITY) {
      const earned = ((nowMs - this.#filledAtMs) / 1000) * this.#bytesPerSec
      this.#tokens = Math.min(this.#burstBytes, this.#tokens + Math.max(0, earned))
    }
    this.#filledAtMs = nowMs
  }
}

function checkRate(bytesPerSec: number): number {
  if (bytesPerSec > 0) return bytesPerSec
  throw new DfError('InvalidArgument', `A rate limit cannot be ${bytesPerSec} bytes per second.`)
}
