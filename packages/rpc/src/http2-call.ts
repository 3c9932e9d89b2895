import { type ClientHttp2Stream, constants, type Http2Session } from 'node:http2'
import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { CallOptions } from '@connectrpc/connect'
import type { Http2SessionManager } from '@connectrpc/connect-node'
import { type CancelTimer, type Clock, DfError } from '@damselfly/core'
import { callError } from './call-error.ts'
import { frameOf } from './frame.ts'
import { requestHeaders } from './headers.ts'
import { connectionWindowBytes } from './http2-settings.ts'
import { MessageReader } from './message-reader.ts'
import { RequestFeed } from './request-feed.ts'
import {
  brokenOff,
  type Ended,
  type Received,
  responseError,
  trailerError,
  unavailable,
} from './response-status.ts'
import { pathOf } from './route.ts'
import type { StatusCodes } from './status.ts'
import { writeChunk } from './write-chunk.ts'

export interface Http2CallDeps {
  sessions: Pick<Http2SessionManager, 'request' | 'notifyResponseByteRead'>
  /** The other end, for messages. */
  where: string
  codes: StatusCodes
  clock: Clock
}

export interface Http2CallOptions<I> {
  /** One message, or as many as come. */
  requests: { readonly one: I } | { readonly many: AsyncIterable<I> }
  signal?: AbortSignal | undefined
  headers?: CallOptions['headers']
  /** Of the whole call; sent along as `grpc-timeout`. 0 for none. */
  timeoutMs: number
  /** Until the response headers. 0 for none. */
  openMs: number
  onHeader?: ((received: Received) => void) | undefined
  /** Only of a call that has succeeded. */
  onTrailer?: ((received: Received) => void) | undefined
}

/** Trap T5: far more than gRPC's usual 4 MiB, since a piece with its content has up to 64 MiB; and a bound all the same. */
const maxResponseBytes = 256 * 1024 * 1024

// Without `waitForTrailers`, Node sends END_STREAM in front of the reset when a call is aborted, and the server takes it for
// a half-close. With it, and without trailers, END_STREAM goes in a frame of its own, or not at all.
const streamOptions = {
  many: { waitForTrailers: true },
  one: {},
}

const preparedSessions = new WeakSet<Http2Session>()

/**
 * One gRPC call over a session, on its way when this is made. Its errors are `DfError`s, what the caller's own messages
 * threw, or the reason it was aborted with. Whatever breaks below gRPC is `Unavailable`, also a session that dies, which
 * HTTP/2 reports as CANCEL. A sender does not wait for ever for a session that died, though nobody reads.
 */
export class Http2Call<I extends DescMessage, O extends DescMessage> {
  readonly responses: MessageReader<O>
  readonly #method: DescMethod & { input: I; output: O }
  readonly #options: Http2CallOptions<MessageInitShape<I>>
  readonly #deps: Http2CallDeps
  readonly #feed: RequestFeed<MessageInitShape<I>> | undefined
  readonly #onAbort = (): void => this.cancel(this.#options.signal?.reason)
  #cancelOpenTimer: CancelTimer = () => {}
  #cancelTimer: CancelTimer = () => {}
  readonly #ended: Ended = { rstCode: 0 }
  #stream: ClientHttp2Stream | undefined
  #isOver = false

  constructor(
    method: DescMethod & { input: I; output: O },
    options: Http2CallOptions<MessageInitShape<I>>,
    deps: Http2CallDeps,
  ) {
    this.#method = method
    this.#options = options
    this.#deps = deps
    this.responses = new MessageReader(method.output, maxResponseBytes)
    const { requests, signal, openMs, timeoutMs } = options
    this.#feed = 'many' in requests ? new RequestFeed(requests.many) : undefined
    if (signal?.aborted === true) {
      this.cancel(signal.reason)
      return
    }
    signal?.addEventListener('abort', this.#onAbort)
    if (openMs > 0) this.#cancelOpenTimer = this.#limit(openMs, 'answered')
    if (timeoutMs > 0) this.#cancelTimer = this.#limit(timeoutMs, 'done')
    void this.#open()
  }

  /** Ends the call now; what is unread is dropped, and reading and sending fail with `reason`. */
  cancel(reason: unknown): void {
    if (this.#isOver) return
    this.#over(() => reason)
    this.responses.fail(reason)
    const stream = this.#stream
    if (stream === undefined) return
    // A stream that the server has closed stays, and the connection with it, until its response is read.
    if (stream.closed) stream.destroy()
    else stream.close(constants.NGHTTP2_CANCEL)
  }

  async #open(): Promise<void> {
    const { sessions, where } = this.#deps
    const { headers, timeoutMs } = this.#options
    try {
      const sent = requestHeaders(headers, timeoutMs)
      const options = this.#feed === undefined ? streamOptions.one : streamOptions.many
      const stream = await sessions.request('POST', pathOf(this.#method), sent, options)
      if (stream.session !== undefined) prepare(stream.session)
      this.#attach(stream)
    } catch (error) {
      this.#fail(unavailable(where, error))
    }
  }

  #attach(stream: ClientHttp2Stream): void {
    stream.on('error', (error) => {
      this.#ended.failure ??= error
    })
    if (this.#isOver) {
      stream.close(constants.NGHTTP2_CANCEL)
      return
    }
    this.#stream = stream
    stream.once('response', (received) => this.#onResponse(received))
    stream.once('trailers', (received) => {
      this.#ended.trailer = received
    })
    stream.once('end', () => this.#onEnd(stream))
    stream.once('close', () => this.#onClose(stream))
    this.responses.attach(stream, () => this.#deps.sessions.notifyResponseByteRead(stream))
    const { requests } = this.#options
    if ('one' in requests) stream.end(this.#frame(requests.one))
    else void this.#send(stream)
  }

  #onResponse(received: Received): void {
    this.#ended.header = received
    this.#cancelOpenTimer()
    const error = responseError(received)
    if (error !== undefined) this.#fail(error)
    else if (!this.#isOver) this.#options.onHeader?.(received)
  }

  /** Node ends the readable side of a stream that was reset as if it were complete. */
  #onEnd(stream: ClientHttp2Stream): void {
    const { header, trailer } = this.#ended
    const status = trailer?.['grpc-status'] ?? header?.['grpc-status']
    if (status === undefined || this.#isOver) return
    const error = trailerError(this.#ended)
    if (error !== undefined) this.#fail(error)
    else {
      if (trailer !== undefined) this.#options.onTrailer?.(trailer)
      const { codes } = this.#deps
      this.#over(
        () =>
          new DfError(codes.Unavailable, `${this.#method.name} has been ended by the other side`),
      )
      this.responses.end()
    }
    // The response is complete; only an open request is worth a reset.
    if (!stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL)
  }

  #onClose(stream: ClientHttp2Stream): void {
    if (this.#isOver) return
    this.#ended.rstCode = stream.rstCode
    const error = this.#asSeen(brokenOff(this.#ended, this.#deps.where))
    this.#over(() => error)
    // When a session dies, its streams hear of it first; a call that tries again must not get the same session.
    setImmediate(() => this.responses.end({ error }))
  }

  async #send(stream: ClientHttp2Stream): Promise<void> {
    try {
      for await (const message of this.#feed ?? []) {
        if (!stream.writable) return
        await writeChunk(stream, this.#frame(message))
      }
      if (stream.writable) stream.end()
    } catch (error) {
      this.#ended.requestError = error
      stream.close(constants.NGHTTP2_CANCEL)
    }
  }

  #frame(message: MessageInitShape<I>): Buffer {
    const { input } = this.#method
    return frameOf(input, create(input, message) as MessageShape<I>)
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    const seen = this.#asSeen(error)
    this.#over(() => seen)
    this.responses.end({ error: seen })
    const stream = this.#stream
    if (stream !== undefined && !stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL)
  }

  #asSeen(error: unknown): unknown {
    return callError(error, this.#deps.codes)
  }

  /** `why` tells a sender why there is no point in sending more; few ask. */
  #over(why: () => unknown): void {
    this.#isOver = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#cancelOpenTimer()
    this.#cancelTimer()
    this.#feed?.end(why)
  }

  #limit(ms: number, what: string): CancelTimer {
    const late = (): DfError =>
      new DfError('Timeout', `${this.#method.name} was not ${what} within ${ms} ms`)
    return this.#deps.clock.schedule(ms, () => this.cancel(late()))
  }
}

function prepare(session: Http2Session): void {
  if (preparedSessions.has(session)) return
  preparedSessions.add(session)
  session.setLocalWindowSize(connectionWindowBytes)
  // The session manager stops listening when the channel is closed, also when the session has just been destroyed by a
  // PING timeout and its `error` is still to come: without a listener that ends the process.
  session.on('error', () => {})
}
