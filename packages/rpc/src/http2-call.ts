import { type ClientHttp2Stream, constants, type Http2Session } from 'node:http2'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Code, ConnectError } from '@connectrpc/connect'
import type { UniversalClientRequest, UniversalClientResponse } from '@connectrpc/connect/protocol'
import type { Http2SessionManager } from '@connectrpc/connect-node'
import { abortable } from '@damselfly/core'
import { captureStatusDetails } from './error-wire.ts'
import { toHeaders, toNodeHeaders } from './headers.ts'
import { connectionWindowBytes } from './http2-settings.ts'
import { writeChunk } from './write-chunk.ts'

export interface Http2CallDeps {
  sessions: Http2SessionManager
  /** The other end, for messages. */
  where: string
  /** Called when the HTTP/2 stream is gone, whether or not anybody reads the response. */
  onEnd(error: ConnectError | undefined): void
}

interface CallState {
  readonly stream: ClientHttp2Stream
  readonly where: string
  readonly trailer: Headers
  /** From here on, the call's signal has no effect on the stream. */
  readonly detach: () => void
  /** What broke the stream or the session. */
  failure?: unknown
  /** What the caller's own messages threw. */
  requestError?: unknown
}

const preparedSessions = new WeakSet<Http2Session>()

/**
 * Sends one request over the session: what connect-node's own client does, with three differences. Status details
 * that are not google.rpc.Status are hidden from the library (trap T6); whatever breaks below gRPC is `Unavailable`,
 * also a session that dies, which HTTP/2 reports as CANCEL; and `onEnd` tells when the stream is gone, so that a
 * sender does not wait for ever for a session that died.
 */
export async function sendRequest(
  request: UniversalClientRequest,
  { sessions, where, onEnd }: Http2CallDeps,
): Promise<UniversalClientResponse> {
  const signal = request.signal ?? new AbortController().signal
  const stream = await openStream(request, signal, { sessions, where })
  const onAbort = (): void => {
    // A stream that the server has closed stays, and the connection with it, until its response is read.
    if (stream.closed) stream.destroy()
    else stream.close(constants.NGHTTP2_CANCEL)
  }
  const detach = (): void => signal.removeEventListener('abort', onAbort)
  const call: CallState = { stream, where, trailer: new Headers(), detach }
  signal.addEventListener('abort', onAbort, { once: true })
  stream.on('error', (err) => {
    call.failure ??= err
  })
  stream.once('trailers', (trailers) => {
    for (const [name, value] of toHeaders(trailers)) call.trailer.append(name, value)
    captureStatusDetails(call.trailer)
  })
  stream.once('close', () => {
    detach()
    onEnd(hasStatus(call.trailer) ? undefined : brokenOff(call))
  })
  if (signal.aborted) onAbort()
  void sendBody(call, request.body)
  const { header, status } = await receiveHeaders(call)
  const onRead = (): void => sessions.notifyResponseByteRead(stream)
  return { status, header, trailer: call.trailer, body: receiveBody(call, header, onRead) }
}

async function openStream(
  request: UniversalClientRequest,
  signal: AbortSignal,
  { sessions, where }: Pick<Http2CallDeps, 'sessions' | 'where'>,
): Promise<ClientHttp2Stream> {
  const { pathname } = new URL(request.url)
  // Without `waitForTrailers`, Node sends END_STREAM in front of the reset when a call is aborted, and the server takes
  // it for a half-close. With it, and without trailers, END_STREAM goes in a frame of its own, or not at all.
  const options = { waitForTrailers: true }
  const opening = sessions.request('POST', pathname, toNodeHeaders(request.header), options)
  try {
    const stream = await abortable(opening, signal)
    if (stream.session !== undefined) prepare(stream.session)
    return stream
  } catch (err) {
    opening.then(
      (stream) => stream.close(constants.NGHTTP2_CANCEL),
      () => {},
    )
    throw signal.aborted ? err : unavailable(where, err)
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

function receiveHeaders(call: CallState): Promise<{ header: Headers; status: number }> {
  const { stream } = call
  return new Promise((resolve, reject) => {
    stream.once('response', (received) => {
      const header = toHeaders(received)
      captureStatusDetails(header)
      resolve({ header, status: received[':status'] ?? 0 })
    })
    stream.once('close', () => setImmediate(() => reject(brokenOff(call))))
  })
}

async function* receiveBody(
  call: CallState,
  header: Headers,
  onRead: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of call.stream.iterator({ destroyOnReturn: false })) {
      onRead()
      yield chunk
    }
  } catch (err) {
    call.failure ??= err
    // When a session dies, its streams hear of it first; a call that tries again must not get the same session.
    await nextTurn()
    throw brokenOff(call)
  }
  // Node ends the readable side of a stream that was reset as if it were complete.
  if (!hasStatus(header) && !hasStatus(call.trailer)) {
    await nextTurn()
    throw brokenOff(call)
  }
  call.detach()
  // The response is complete and the library aborts the signal; only an open request is worth a reset.
  if (!call.stream.writableEnded) call.stream.close(constants.NGHTTP2_CANCEL)
}

async function sendBody(
  call: CallState,
  body: AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  const { stream } = call
  try {
    for await (const chunk of body ?? []) {
      if (!stream.writable) return
      await writeChunk(stream, chunk)
    }
    if (stream.writable) stream.end()
  } catch (err) {
    call.requestError = err
    stream.close(constants.NGHTTP2_CANCEL)
  }
}

function hasStatus(headers: Headers): boolean {
  return headers.has('grpc-status')
}

function brokenOff({ stream, where, failure, requestError }: CallState): ConnectError {
  if (requestError !== undefined) return ConnectError.from(requestError)
  if (stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM)
    return new ConnectError(`${where} is overloaded`, Code.ResourceExhausted)
  return unavailable(where, failure)
}

function unavailable(where: string, failure: unknown): ConnectError {
  const isOurs = failure instanceof ConnectError
  const cause = isOurs ? failure.cause : failure
  let why = 'the connection broke off'
  if (isOurs) why = failure.rawMessage
  else if (failure instanceof Error) why = failure.message
  return new ConnectError(`${where}: ${why}`, Code.Unavailable, undefined, undefined, cause)
}
