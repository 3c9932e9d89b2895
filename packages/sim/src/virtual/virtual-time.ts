import { setImmediate } from 'node:timers'
import type { CancelTimer, Clock } from '@damselfly/core'

/** After so many turns of the event loop in which nobody touched the world, nothing more comes of the present moment. */
const quietTurns = 4
/** More turns than this within one moment mean that somebody works in a circle without waiting. */
const maxTurns = 100_000

interface Timer {
  fn: (() => void) | undefined
}

/**
 * Time that stands still while anybody works and jumps to the next timer when nobody does. Whole milliseconds, as those of Node's
 * timers. What happens in between runs on turns of the event loop, so a world without real I/O always takes the same way.
 */
export class VirtualTime implements Clock {
  readonly #startMs: number
  #nowMs = 0
  /** Those due at the same moment, in the order they were set. */
  readonly #moments = new Map<number, Timer[]>()
  /** A heap of the moments. */
  readonly #heap: number[] = []
  #touches = 0
  #pending = 0

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs
  }

  now(): number {
    return this.#startMs + this.#nowMs
  }

  /** Milliseconds since the world began. */
  monotonic(): number {
    return this.#nowMs
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#pending
  }

  schedule(delayMs: number, fn: () => void): CancelTimer {
    this.touch()
    this.#pending += 1
    const dueMs = this.#nowMs + Math.max(1, Math.ceil(delayMs))
    const timer: Timer = { fn }
    const moment = this.#moments.get(dueMs)
    if (moment !== undefined) moment.push(timer)
    else {
      this.#moments.set(dueMs, [timer])
      this.#push(dueMs)
    }
    return () => {
      if (timer.fn === undefined) return
      timer.fn = undefined
      this.#pending -= 1
      this.touch()
    }
  }

  /** Something happened, so something may come of it in one of the next turns. */
  touch(): void {
    this.#touches += 1
  }

  /** Goes on until `isOver`, or until `untilMs` of this world; false when that or the end of all timers came first. */
  async run(untilMs: number, isOver: () => boolean): Promise<boolean> {
    await this.settle()
    while (!isOver()) {
      const next = this.#heap[0]
      if (next === undefined || next > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs)
        return false
      }
      this.#pop()
      const timers = this.#moments.get(next) ?? []
      this.#moments.delete(next)
      let ran = 0
      for (const timer of timers) {
        const { fn } = timer
        if (fn === undefined) continue
        this.#nowMs = next
        timer.fn = undefined
        this.#pending -= 1
        ran += 1
        fn()
      }
      if (ran > 0) await this.settle()
    }
    return true
  }

  /** Resolves when everybody waits for a timer. */
  settle(): Promise<void> {
    return new Promise((resolve, reject) => {
      let seen = this.#touches
      let quiet = 0
      let turns = 0
      const turn = (): void => {
        turns += 1
        quiet = this.#touches === seen ? quiet + 1 : 0
        seen = this.#touches
        if (quiet >= quietTurns) resolve()
        else if (turns < maxTurns) setImmediate(turn)
        else reject(new Error(`The world did not come to rest at ${this.#nowMs} ms.`))
      }
      setImmediate(turn)
    })
  }

  #push(ms: number): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(ms)
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above] as number
      if (other <= ms) break
      heap[at] = other
      at = above
    }
    heap[at] = ms
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as number
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && (heap[below + 1] as number) < (heap[below] as number))
        below += 1
      const other = heap[below] as number
      if (other >= last) break
      heap[at] = other
      at = below
    }
    heap[at] = last
  }
}
