import { DfError } from '../errors/df-error.ts'

/** Who wants a slot. */
export interface SlotClaim {
  /** Higher ranks are served first. */
  readonly rank: number
  /** Those of one rank are served in turn by key, whoever of a key waits longest first. */
  readonly key: string
}

type Waiter = () => void

/**
 * A number of slots for work of different importance: a free slot goes to the highest rank that waits, and among equals
 * to each key in turn, so that one key with a thousand claims does not hold up another with one.
 */
export class FairSlots {
  readonly #maxWaiting: number
  #free: number
  #waiting = 0
  /** By rank, then by key in the order of their turns. */
  readonly #ranks = new Map<number, Map<string, Waiter[]>>()

  /** More than `maxWaiting` claims at a time are refused (`Overloaded`). */
  constructor(slots: number, { maxWaiting = 100_000 }: { maxWaiting?: number } = {}) {
    this.#free = slots
    this.#maxWaiting = maxWaiting
  }

  /** How many claims wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** The returned function gives the slot back, once. Rejects with the signal's reason. */
  async acquire(claim: SlotClaim, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(claim, signal)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#release()
    }
  }

  #wait({ rank, key }: SlotClaim, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting >= this.#maxWaiting) {
      throw new DfError('Overloaded', `${this.#waiting} transfers wait already; try again later.`)
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        this.#leave(rank, key, waiter)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const keys = this.#ranks.get(rank) ?? new Map<string, Waiter[]>()
      this.#ranks.set(rank, keys)
      const line = keys.get(key)
      if (line === undefined) keys.set(key, [waiter])
      else line.push(waiter)
      this.#waiting += 1
    })
  }

  #leave(rank: number, key: string, waiter: Waiter): void {
    const keys = this.#ranks.get(rank)
    const line = keys?.get(key)
    const at = line?.indexOf(waiter) ?? -1
    if (at === -1) return
    line?.splice(at, 1)
    this.#waiting -= 1
    if (line?.length === 0) keys?.delete(key)
    if (keys?.size === 0) this.#ranks.delete(rank)
  }

  #release(): void {
    if (this.#waiting === 0) {
      this.#free += 1
      return
    }
    const rank = Math.max(...this.#ranks.keys())
    const keys = this.#ranks.get(rank) as Map<string, Waiter[]>
    const [key, line] = keys.entries().next().value as [string, Waiter[]]
    const next = line.shift()
    // Its next turn comes after all others.
    keys.delete(key)
    if (line.length > 0) keys.set(key, line)
    if (keys.size === 0) this.#ranks.delete(rank)
    this.#waiting -= 1
    next?.()
  }
}
