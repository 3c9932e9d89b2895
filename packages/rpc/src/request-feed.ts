import { type Deferred, deferred } from '@damselfly/core'
import { RequestQueue } from './request-queue.ts'

/**
 * The request messages of one streaming call, as the library reads them. `end` settles a reader that waits for the
 * next message when the call is over: an async generator cannot be told to return while it waits.
 */
export class RequestFeed<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterable<T>
  readonly #ended: Deferred<IteratorReturnResult<undefined>> = deferred()
  #iterator: AsyncIterator<T> | undefined
  #isEnded = false

  constructor(source: AsyncIterable<T>) {
    this.#source = source
  }

  /** The call is over; `why` tells why sending more is pointless. */
  end(why: () => unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#ended.resolve({ done: true, value: undefined })
    if (this.#source instanceof RequestQueue) this.#source.fail(why)
    else this.#iterator?.return?.()?.catch(() => {})
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#isEnded) return this.#ended.promise
    this.#iterator ??= this.#source[Symbol.asyncIterator]()
    return Promise.race([this.#iterator.next(), this.#ended.promise])
  }

  /** The library's way of saying that it reads no further; the stream's end follows with the reason. */
  return(): Promise<IteratorResult<T>> {
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The library insists on this method; what it reports here it also throws to whoever sends the messages. */
  throw(): Promise<IteratorResult<T>> {
    return this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
