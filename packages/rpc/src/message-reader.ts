import type { Http2Stream } from 'node:http2'
import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { FrameSplitter } from './frame-splitter.ts'

/** With so much unread the other side has to wait. */
const maxUnreadMessages = 64
const maxUnreadBytes = 1024 * 1024

/**
 * The messages that come over one HTTP/2 stream, for one reader. It takes them from the stream's events, without a promise
 * for each chunk, and lets the stream rest while many are unread.
 */
export class MessageReader<D extends DescMessage>
  implements AsyncIterableIterator<MessageShape<D>, undefined>
{
  readonly #schema: D
  readonly #splitter: FrameSplitter
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  #stream: Http2Stream | undefined
  #isResting = false
  #reader: Reader<MessageShape<D>> | undefined
  #end: { readonly error?: unknown } | undefined

  constructor(schema: D, maxBytes: number) {
    this.#schema = schema
    this.#splitter = new FrameSplitter(maxBytes, (bytes) => this.#arrived(bytes))
  }

  /** Takes the stream's bytes from now on; `onChunk` is told of each chunk. */
  attach(stream: Http2Stream, onChunk: () => void = () => {}): void {
    this.#stream = stream
    stream.on('data', (chunk: Uint8Array) => {
      onChunk()
      if (this.#end !== undefined) return
      try {
        this.#splitter.push(chunk)
      } catch (error) {
        this.end({ error })
      }
    })
  }

  /** True when the bytes so far end in the middle of a message. */
  get isInside(): boolean {
    return this.#splitter.isInside
  }

  /** No more messages come; with `error` the reader gets that after the last one. */
  end(end: { readonly error?: unknown } = {}): void {
    if (this.#end !== undefined) return
    this.#end = end
    const reader = this.#reader
    this.#reader = undefined
    if (reader === undefined) return
    if ('error' in end) reader.reject(end.error)
    else reader.resolve({ done: true, value: undefined })
  }

  /** The call is over: also what is unread is dropped. */
  fail(error: unknown): void {
    this.#drop()
    if (this.#end === undefined) this.end({ error })
    else if (!('error' in this.#end)) this.#end = { error }
  }

  next(): Promise<IteratorResult<MessageShape<D>, undefined>> {
    const bytes = this.#unread.shift()
    if (bytes !== undefined) {
      this.#unreadBytes -= bytes.byteLength
      if (this.#isResting && this.#unread.length === 0) this.#rest(false)
      const reader = Promise.withResolvers<IteratorResult<MessageShape<D>, undefined>>()
      this.#give(bytes, reader)
      return reader.promise
    }
    if (this.#end !== undefined) {
      if ('error' in this.#end) return Promise.reject(this.#end.error)
      return Promise.resolve({ done: true, value: undefined })
    }
    const reader = Promise.withResolvers<IteratorResult<MessageShape<D>, undefined>>()
    this.#reader = reader
    return reader.promise
  }

  /** Whoever leaves the loop wants no more. */
  return(): Promise<IteratorResult<MessageShape<D>, undefined>> {
    this.#drop()
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #arrived(bytes: Uint8Array): void {
    const reader = this.#reader
    if (reader !== undefined) {
      this.#reader = undefined
      this.#give(bytes, reader)
      return
    }
    this.#unread.push(bytes)
    this.#unreadBytes += bytes.byteLength
    if (this.#unread.length >= maxUnreadMessages || this.#unreadBytes >= maxUnreadBytes) {
      this.#rest(true)
    }
  }

  #give(bytes: Uint8Array, reader: Reader<MessageShape<D>>): void {
    try {
      reader.resolve({ done: false, value: fromBinary(this.#schema, bytes) })
    } catch (cause) {
      const why = `a message is not a ${this.#schema.typeName}`
      const error = new ConnectError(why, Code.InvalidArgument, undefined, undefined, cause)
      this.fail(error)
      reader.reject(error)
    }
  }

  #drop(): void {
    this.#unread = []
    this.#unreadBytes = 0
    if (this.#isResting) this.#rest(false)
  }

  #rest(isResting: boolean): void {
    this.#isResting = isResting
    if (isResting) this.#stream?.pause()
    else this.#stream?.resume()
  }
}

interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: unknown): void
}
