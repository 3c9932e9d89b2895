import type { ClientParams } from './client-params.ts'

/** A step is judged after so long. */
const reviewEveryMs = 1_000
/** After a step that was for nothing the next one waits, each time twice as long. */
const firstRestMs = 2_000
const maxRestMs = 30_000
const busyShare = 0.75
/** A step has to raise the rate so much to stay. */
const worthIt = 1.1

/**
 * How many pieces may be in flight. It grows by one at a time while the downlink has room and neighbours would give more than
 * is taken, but a step that does not make the download faster is taken back: when the uplinks are what is short, more in flight
 * only makes every piece slower.
 */
export class Concurrency {
  #params: ClientParams
  #limit: number
  #wasRefused = false
  #reviewAt = 0
  #restMs = firstRestMs
  #bestRate = 0
  /** Rate before the step that is being judged. */
  #before: number | undefined

  constructor(params: ClientParams) {
    this.#params = params
    this.#limit = params.concurrency
  }

  get limit(): number {
    return this.#limit
  }

  set params(params: ClientParams) {
    this.#params = params
    this.#limit = Math.max(params.concurrency, Math.min(this.#limit, params.maxConcurrency))
  }

  /** A neighbour would have given a piece. */
  refused(): void {
    this.#wasRefused = true
  }

  /** `downlink` 0 means unknown: then the best rate so far stands for it. Both in bytes per second. */
  review(now: number, rate: number, downlink: number): void {
    this.#bestRate = Math.max(this.#bestRate, rate)
    if (now < this.#reviewAt) return
    this.#reviewAt = now + reviewEveryMs
    if (this.#before !== undefined) this.#judge(now, rate, this.#before)
    else if (this.#mayGrow(rate, downlink)) {
      this.#before = rate
      this.#limit += 1
    }
    this.#wasRefused = false
  }

  #judge(now: number, rate: number, before: number): void {
    this.#before = undefined
    if (rate >= worthIt * before) {
      this.#restMs = firstRestMs
      return
    }
    this.#limit = Math.max(this.#params.concurrency, this.#limit - 1)
    this.#reviewAt = now + this.#restMs
    this.#restMs = Math.min(maxRestMs, this.#restMs * 2)
  }

  #mayGrow(rate: number, downlink: number): boolean {
    const hasRoom = rate < busyShare * (downlink > 0 ? downlink : this.#bestRate)
    return this.#wasRefused && hasRoom && this.#limit < this.#params.maxConcurrency
  }
}
