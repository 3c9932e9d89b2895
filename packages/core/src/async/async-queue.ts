import { type Deferred, deferred } from './deferred.ts'

/**
 * Hands values from a producer that must not wait to consumers that do. Bounded: `push` says no when full, and
 * the producer decides what that means. Each value goes to one consumer.
 */
export class AsyncQueue<T> implements AsyncIterable<T, undefined> {
  readonly #max: number
  readonly #items: T[] = []
  readonly #consumers: Deferred<IteratorResult<T, undefined>>[] = []
  #end: { readonly error?: unknown } | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** How many values wait for a consumer. */
  get size(): number {
    return this.#items.length
  }

  get isClosed(): boolean {
    return this.#end !== undefined
  }

  /** False when the queue is full or closed: the value is not taken. */
  push(value: T): boolean {
    if (this.#end !== undefined) return false
    const consumer = this.#consumers.shift()
    if (consumer !== undefined) {
      consumer.resolve({ done: false, value })
      return true
    }
    if (this.#items.length >= this.#max) return false
    this.#items.push(value)
    return true
  }

  /** No more values come. Those that wait are still delivered. */
  close(): void {
    this.#finish({})
  }

  /** Like `close`, but consumers get `error` after the last value. */
  fail(error: unknown): void {
    this.#finish({ error })
  }

  /** Leaving the loop early closes the queue and drops what waits, so that the producer notices. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#items.length = 0
        this.close()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#items.shift() as T })
    }
    if (this.#end !== undefined) return ended(this.#end)
    const consumer = deferred<IteratorResult<T, undefined>>()
    this.#consumers.push(consumer)
    return consumer.promise
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return
    this.#end = end
    for (const consumer of this.#consumers.splice(0)) {
      ended(end).then(consumer.resolve, consumer.reject)
    }
  }
}

function ended(end: { readonly error?: unknown }): Promise<IteratorResult<never, undefined>> {
  if ('error' in end) return Promise.reject(end.error)
  return Promise.resolve({ done: true, value: undefined })
}
