import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  makeAnyClient,
  type StreamResponse,
  type Transport,
} from '@connectrpc/connect'
import { type Clock, DfError, isDfError, type LinkedSignal, linkSignals } from '@damselfly/core'
import { fromConnectError } from './error-wire.ts'
import { RequestFeed } from './request-feed.ts'
import type { StatusCodes } from './status.ts'

export interface CallDeadlines {
  /** Of a whole unary call, in milliseconds; sent along as `grpc-timeout`. 0 for none. Default 10,000. */
  unaryMs?: number
  /** Until a streaming call's response headers, in milliseconds. 0 for none. Default 0. */
  openMs?: number
}

export interface ClientDeps {
  /** A transport for one call; `onEnd` is called when its stream is gone. */
  transport(onEnd: (error: ConnectError | undefined) => void): Transport
  codes: StatusCodes
  deadlines: Required<CallDeadlines>
  clock: Clock
}

/** A client whose errors are `DfError`s, or the signal's reason, and whose response streams may be left early. */
export function createTypedClient<S extends DescService>(service: S, deps: ClientDeps): Client<S> {
  const client = makeAnyClient(service, (method) => {
    switch (method.methodKind) {
      case 'unary':
        return (input, options) => callUnary(method, input, options, deps)
      case 'server_streaming':
        return (input, options) => new ResponseStream(method, one(input), { ...deps, options })
      case 'bidi_streaming':
        return (inputs, options) => new ResponseStream(method, inputs, { ...deps, options })
      case 'client_streaming':
        return (inputs, options) => single(new ResponseStream(method, inputs, { ...deps, options }))
    }
  })
  return client as Client<S>
}

async function callUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  options: CallOptions | undefined,
  deps: ClientDeps,
): Promise<MessageShape<O>> {
  const { signal, timeoutMs = deps.deadlines.unaryMs, headers } = options ?? {}
  signal?.throwIfAborted()
  try {
    const transport = deps.transport(() => {})
    const response = await transport.unary(method, signal, timeoutMs, headers, input)
    options?.onHeader?.(response.header)
    options?.onTrailer?.(response.trailer)
    return response.message
  } catch (err) {
    throw callError(err, signal, deps.codes)
  }
}

/** The responses of a streaming call, which starts at once. One reader. */
class ResponseStream<I extends DescMessage, O extends DescMessage>
  implements AsyncIterableIterator<MessageShape<O>>
{
  readonly #deps: ClientDeps & { options: CallOptions | undefined }
  readonly #call: LinkedSignal
  readonly #started: Promise<StreamResponse<I, O>>
  #responses: AsyncIterator<MessageShape<O>> | undefined
  #isDone = false

  constructor(
    method: DescMethodStreaming<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
    deps: ClientDeps & { options: CallOptions | undefined },
  ) {
    this.#deps = deps
    this.#call = linkSignals(deps.options?.signal)
    this.#started = this.#start(method, new RequestFeed(requests))
    this.#started.catch(() => {})
  }

  async #start(
    method: DescMethodStreaming<I, O>,
    feed: RequestFeed<MessageInitShape<I>>,
  ): Promise<StreamResponse<I, O>> {
    const { transport, deadlines, clock, options, codes } = this.#deps
    const end = (error: unknown): void => {
      feed.end(
        error === undefined
          ? new DfError(codes.Unavailable, `${method.name} has been ended by the other side`)
          : callError(error, this.#call.signal, codes),
      )
      this.#call[Symbol.dispose]()
    }
    const cancel =
      deadlines.openMs > 0
        ? clock.schedule(deadlines.openMs, () => this.#call.abort(openTimeout(method, deadlines)))
        : () => {}
    try {
      this.#call.signal.throwIfAborted()
      return await transport(end).stream(
        method,
        this.#call.signal,
        options?.timeoutMs,
        options?.headers,
        feed,
      )
    } catch (err) {
      end(err)
      throw err
    } finally {
      cancel()
    }
  }

  async next(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      const { message, trailer } = await this.#open()
      this.#responses ??= message[Symbol.asyncIterator]()
      const result = await this.#responses.next()
      if (result.done !== true) return result
      this.#deps.options?.onTrailer?.(trailer)
      this.#finish()
      return { done: true, value: undefined }
    } catch (err) {
      this.#finish()
      throw callError(err, this.#call.signal, this.#deps.codes)
    }
  }

  /** Leaving a `for await` early resets the stream; the library itself would keep it open. */
  async return(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    this.#call.abort(new DOMException('the responses are not read any further', 'AbortError'))
    this.#finish()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #open(): Promise<StreamResponse<I, O>> {
    const response = await this.#started
    if (this.#responses === undefined) this.#deps.options?.onHeader?.(response.header)
    return response
  }

  #finish(): void {
    this.#isDone = true
    this.#call[Symbol.dispose]()
  }
}

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message
}

async function single<T>(responses: AsyncIterable<T>): Promise<T> {
  let last: { message: T } | undefined
  for await (const message of responses) last = { message }
  if (last === undefined) throw new DfError('PeerProtocol', 'the call ended without a response')
  return last.message
}

function openTimeout(method: { name: string }, { openMs }: Required<CallDeadlines>): DfError {
  return new DfError('Timeout', `${method.name} was not answered within ${openMs} ms`)
}

/** What a caller sees: the reason it aborted with, the error it threw itself, or what the other side said. */
function callError(thrown: unknown, signal: AbortSignal | undefined, codes: StatusCodes): unknown {
  if (signal?.aborted === true) return signal.reason
  if (!(thrown instanceof ConnectError)) return thrown
  if (thrown.code === Code.Unknown && isDfError(thrown.cause)) return thrown.cause
  return fromConnectError(thrown, codes)
}
