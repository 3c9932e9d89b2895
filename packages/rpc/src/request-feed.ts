import { RequestQueue } from './request-queue.ts'

const over = { done: true, value: undefined } as const

/**
 * The request messages of one streaming call, as the library reads them. `end` settles a reader that waits for the
 * next message when the call is over: an async generator cannot be told to return while it waits.
 */
export class RequestFeed<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterable<T>
  /** Ends the wait of the reader that waits now. One promise for all of them would keep every message that was read. */
  #interrupt = (): void => {}
  #iterator: AsyncIterator<T> | undefined
  #isEnded = false

  constructor(source: AsyncIterable<T>) {
    this.#source = source
  }

  /** The call is over; `why` tells why sending more is pointless. */
  end(why: () => unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#interrupt()
    if (this.#source instanceof RequestQueue) this.#source.fail(why)
    else this.#iterator?.return?.()?.catch(() => {})
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#isEnded) return Promise.resolve(over)
    this.#iterator ??= this.#source[Symbol.asyncIterator]()
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T>>()
    this.#interrupt = () => resolve(over)
    this.#iterator.next().then(resolve, reject)
    return promise
  }

  /** The library's way of saying that it reads no further; the stream's end follows with the reason. */
  return(): Promise<IteratorResult<T>> {
    return Promise.resolve(over)
  }

  /** The library insists on this method; what it reports here it also throws to whoever sends the messages. */
  throw(): Promise<IteratorResult<T>> {
    return this.return()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
