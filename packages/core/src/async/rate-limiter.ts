import { DfError } from '../errors/df-error.ts'
import type { Clock } from '../seams/clock.ts'

export interface RateLimiterOptions {
  /** `Infinity` = no limit. */
  bytesPerSec: number
  /** What may pass at once after a pause. Default: what a tenth of a second brings, at least 64 KiB. */
  burstBytes?: number
}

interface Waiter {
  readonly bytes: number
  readonly grant: () => void
}

const minBurstBytes = 64 * 1024

/**
 * A token bucket that is full at first. Takers are served in the order they came. Who wants more than the
 * bucket holds waits for a full one and leaves it in debt, so the average rate holds for any size.
 */
export class RateLimiter {
  readonly #clock: Clock
  #bytesPerSec: number
  #burstBytes: number
  #tokens: number
  #filledAtMs: number
  readonly #waiters = new Set<Waiter>()
  #cancelTimer: (() => void) | undefined

  constructor(options: RateLimiterOptions, { clock }: { clock: Clock }) {
    this.#clock = clock
    this.#bytesPerSec = checkRate(options.bytesPerSec)
    this.#burstBytes = burstOf(options)
    this.#tokens = this.#burstBytes
    this.#filledAtMs = clock.monotonic()
  }

  get bytesPerSec(): number {
    return this.#bytesPerSec
  }

  /** Changes the rate for those who wait, too. */
  setRate(options: RateLimiterOptions): void {
    this.#fill()
    this.#bytesPerSec = checkRate(options.bytesPerSec)
    this.#burstBytes = burstOf(options)
    this.#tokens = Math.min(this.#tokens, this.#burstBytes)
    this.#serve()
  }

  /** Takes without waiting; false when it would have to wait. Spares the hot path a promise. */
  tryTake(bytes: number): boolean {
    if (this.#waiters.size > 0) return false
    this.#fill()
    return this.#withdraw(bytes)
  }

  /** Resolves when `bytes` may pass. Who aborts while waiting has taken nothing. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!this.tryTake(bytes)) await this.#wait(bytes, signal)
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter)
        this.#serve()
        reject(signal?.reason)
      }
      const grant = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const waiter: Waiter = { bytes, grant }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
      if (this.#waiters.size === 1) this.#serve()
    })
  }

  /** Serves who can be served and sets the timer for the next one. */
  #serve(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#fill()
    for (const waiter of this.#waiters) {
      if (!this.#withdraw(waiter.bytes)) {
        // Whole milliseconds: a rounding error must not lead to a timer that never gets anywhere.
        const missing = Math.min(waiter.bytes, this.#burstBytes) - this.#tokens
        const delayMs = Math.max(1, Math.ceil((missing / this.#bytesPerSec) * 1000))
        this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#serve())
        return
      }
      this.#waiters.delete(waiter)
      waiter.grant()
    }
  }

  #withdraw(bytes: number): boolean {
    if (this.#bytesPerSec === Number.POSITIVE_INFINITY) return true
    if (this.#tokens < Math.min(bytes, this.#burstBytes)) return false
    this.#tokens -= bytes
    return true
  }

  #fill(): void {
    const nowMs = this.#clock.monotonic()
    const earned = ((nowMs - this.#filledAtMs) / 1000) * this.#bytesPerSec
    if (earned > 0) this.#tokens = Math.min(this.#burstBytes, this.#tokens + earned)
    this.#filledAtMs = nowMs
  }
}

function checkRate(bytesPerSec: number): number {
  if (bytesPerSec > 0) return bytesPerSec
  throw new DfError('InvalidArgument', `A rate limit cannot be ${bytesPerSec} bytes per second.`)
}

/** Finite also without a limit: a bucket of `Infinity` would make `Infinity - Infinity` possible. */
function burstOf({ bytesPerSec, burstBytes }: RateLimiterOptions): number {
  const usual = Math.max(minBurstBytes, bytesPerSec / 10)
  return Math.min(burstBytes ?? usual, Number.MAX_SAFE_INTEGER)
}
