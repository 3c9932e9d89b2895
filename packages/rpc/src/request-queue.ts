import { type Deferred, deferred } from '@damselfly/core'

/** A bounded queue with one reader: `push` waits for room, the reader waits for messages. */
export class RequestQueue<T> implements AsyncIterableIterator<T> {
  readonly #max: number
  readonly #messages: T[] = []
  readonly #writers: Deferred<void>[] = []
  #reader: Deferred<void> | undefined
  #isClosed = false
  readonly #ended = deferred()
  #failure: (() => unknown) | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** Resolves when nobody reads any more. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Resolves when the message is in the queue; rejects once the queue is closed or failed. */
  async push(message: T): Promise<void> {
    while (!this.#isClosed && this.#messages.length >= this.#max) {
      const writer = deferred()
      this.#writers.push(writer)
      await writer.promise
    }
    if (this.#failure !== undefined) throw this.#failure()
    if (this.#isClosed) throw new TypeError('send after closeSend')
    this.#messages.push(message)
    this.#reader?.resolve()
  }

  /** No more messages; those in the queue are still delivered. */
  close(): void {
    this.#isClosed = true
    this.#wakeAll()
  }

  /** Nobody reads any more: waiting and later `push`es reject with what `why` gives. */
  fail(why: () => unknown): void {
    this.#failure ??= why
    this.#messages.length = 0
    this.#ended.resolve()
    this.close()
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#messages.length === 0 && !this.#isClosed) {
      this.#reader = deferred()
      await this.#reader.promise
    }
    const message = this.#messages.shift()
    if (message === undefined) return { done: true, value: undefined }
    this.#writers.shift()?.resolve()
    return { done: false, value: message }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #wakeAll(): void {
    this.#reader?.resolve()
    for (const writer of this.#writers.splice(0)) writer.resolve()
  }
}
