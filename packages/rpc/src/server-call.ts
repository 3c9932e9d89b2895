import { constants, type ServerHttp2Stream } from 'node:http2'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { callAnswered, callerGone, shutdownReason } from './call-guard.ts'
import { MessageReader } from './message-reader.ts'
import type { MethodRoute } from './route.ts'

/**
 * One call on its way through a handler. It can end under the handler: the caller goes away, its deadline passes. Then the
 * handler's signal aborts, reading requests fails, and nobody waits for its next answer. When the server stops, only the
 * first two happen: a call may still finish.
 */
export class ServerCall {
  readonly requests: MessageReader<DescMessage>
  readonly trailer: Record<string, string> = {}
  readonly #route: MethodRoute
  readonly #handler = new AbortController()
  #end: { readonly reason: unknown } | undefined
  /** Of whoever waits for the handler now. */
  #interrupt: ((reason: unknown) => void) | undefined

  constructor(stream: ServerHttp2Stream, route: MethodRoute, maxRequestBytes: number) {
    this.#route = route
    this.requests = new MessageReader(route.method.input, maxRequestBytes)
    stream.once('close', () => this.end(callerGone))
    stream.once('end', () => this.#onEnd(stream))
    this.requests.attach(stream)
  }

  /** The server stops; the call may still finish. */
  shutDown(): void {
    this.#abortHandler(shutdownReason)
  }

  /** Nobody needs an answer any more. */
  end(reason: unknown): void {
    if (this.#end !== undefined) return
    this.#end = { reason }
    this.#abortHandler(reason)
    this.#interrupt?.(reason)
  }

  /** The answers as the handler gives them. Errors: those of the handler, and what the call ended with. */
  async *answers(): AsyncGenerator<unknown> {
    const { method, implementation } = this.#route
    if (implementation === undefined) {
      const why = `${method.parent.typeName}.${method.name} is not implemented`
      throw new ConnectError(why, Code.Unimplemented)
    }
    const { methodKind } = method
    const isMany = methodKind === 'bidi_streaming' || methodKind === 'client_streaming'
    const input = isMany ? this.requests : await this.#one()
    const { trailer } = this
    const answer = implementation(input, { signal: this.#handler.signal, trailer })
    if (methodKind === 'unary' || methodKind === 'client_streaming') {
      yield await this.#unlessEnded(Promise.resolve(answer))
    } else yield* this.#each(answer as AsyncIterable<unknown>)
  }

  /** The answer is complete. */
  [Symbol.dispose](): void {
    this.end(callAnswered)
  }

  async #one(): Promise<MessageShape<DescMessage>> {
    const { done, value } = await this.requests.next()
    if (done === true) throw new ConnectError('the request has no message', Code.Unimplemented)
    return value
  }

  /** The handler is told to return when the call ends, but not waited for: a generator that hangs in an `await` cannot. */
  async *#each(answers: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    const iterator = answers[Symbol.asyncIterator]()
    let isOver = false
    try {
      for (;;) {
        const { done, value } = await this.#unlessEnded(iterator.next())
        if (done === true) {
          isOver = true
          return
        }
        yield value
      }
    } finally {
      if (!isOver) iterator.return?.()?.catch(() => {})
    }
  }

  #unlessEnded<T>(promise: Promise<T>): Promise<T> {
    if (this.#end !== undefined) {
      promise.catch(() => {})
      return Promise.reject(this.#end.reason)
    }
    return new Promise((resolve, reject) => {
      this.#interrupt = reject
      promise.then(resolve, reject)
    })
  }

  /** Ends like a half-close only when the caller half-closed; a reset or a dead connection does not. */
  #onEnd(stream: ServerHttp2Stream): void {
    const isReset = stream.closed && stream.rstCode !== constants.NGHTTP2_NO_ERROR
    if (stream.aborted || isReset) this.requests.fail(callerGone)
    else if (this.requests.isInside) {
      const error = new ConnectError('the request ends in a message', Code.InvalidArgument)
      this.requests.end({ error })
    } else this.requests.end()
  }

  #abortHandler(reason: unknown): void {
    this.#handler.abort(reason)
    this.requests.fail(reason)
  }
}
