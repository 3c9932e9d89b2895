import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import { type CallOptions, type Client, makeAnyClient } from '@connectrpc/connect'
import { DfError } from '@damselfly/core'
import { toHeaders } from './headers.ts'
import { Http2Call, type Http2CallDeps, type Http2CallOptions } from './http2-call.ts'

export interface CallDeadlines {
  /** Of a whole unary call, in milliseconds; sent along as `grpc-timeout`. 0 for none. Default 10,000. */
  unaryMs?: number
  /** Until a streaming call's response headers, in milliseconds. 0 for none. Default 0. */
  openMs?: number
}

export interface ClientDeps extends Http2CallDeps {
  deadlines: Required<CallDeadlines>
}

/** A client whose errors are `DfError`s, or the signal's reason, and whose response streams may be left early. */
export function createTypedClient<S extends DescService>(service: S, deps: ClientDeps): Client<S> {
  const client = makeAnyClient(service, (method) => {
    switch (method.methodKind) {
      case 'unary':
        return (input, options) => callUnary(method, input, options, deps)
      case 'server_streaming':
        return (one, options) => new ResponseStream(method, { one }, options, deps)
      case 'bidi_streaming':
        return (many, options) => new ResponseStream(method, { many }, options, deps)
      case 'client_streaming':
        return (many, options) => single(new ResponseStream(method, { many }, options, deps))
    }
  })
  return client as Client<S>
}

async function callUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  one: MessageInitShape<I>,
  options: CallOptions | undefined,
  deps: ClientDeps,
): Promise<MessageShape<O>> {
  options?.signal?.throwIfAborted()
  const { timeoutMs = deps.deadlines.unaryMs, signal, headers } = options ?? {}
  const given = { requests: { one }, signal, headers, timeoutMs, openMs: 0, ...listeners(options) }
  const call = new Http2Call(method, given, deps)
  const { done, value } = await call.responses.next()
  if (done === true) throw noResponse()
  // Only with the trailers is it known to have succeeded.
  await call.responses.next()
  return value
}

/** The responses of a streaming call, which starts at once. One reader. */
class ResponseStream<I extends DescMessage, O extends DescMessage>
  implements AsyncIterableIterator<MessageShape<O>>
{
  readonly #call: Http2Call<I, O>
  #isDone = false

  constructor(
    method: DescMethod & { input: I; output: O },
    requests: Http2CallOptions<MessageInitShape<I>>['requests'],
    options: CallOptions | undefined,
    deps: ClientDeps,
  ) {
    const { timeoutMs = 0, signal, headers } = options ?? {}
    const { openMs } = deps.deadlines
    const given = { requests, signal, headers, timeoutMs, openMs, ...listeners(options) }
    this.#call = new Http2Call(method, given, deps)
  }

  async next(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    if (this.#isDone) return { done: true, value: undefined }
    try {
      const result = await this.#call.responses.next()
      this.#isDone = result.done === true
      return result
    } catch (err) {
      this.#isDone = true
      throw err
    }
  }

  /** Leaving a `for await` early resets the stream. */
  return(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    this.#isDone = true
    this.#call.cancel(unread)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** One for all: nobody looks where it was made. */
const unread = new DOMException('the responses are not read any further', 'AbortError')

function listeners({
  onHeader,
  onTrailer,
}: CallOptions = {}): Pick<Http2CallOptions<unknown>, 'onHeader' | 'onTrailer'> {
  return {
    ...(onHeader && { onHeader: (received) => onHeader(toHeaders(received)) }),
    ...(onTrailer && { onTrailer: (received) => onTrailer(toHeaders(received)) }),
  }
}

async function single<T>(responses: AsyncIterable<T>): Promise<T> {
  let last: { message: T } | undefined
  for await (const message of responses) last = { message }
  if (last === undefined) throw noResponse()
  return last.message
}

const noResponse = (): DfError => new DfError('PeerProtocol', 'the call ended without a response')
