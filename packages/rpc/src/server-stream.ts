import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Code } from '@connectrpc/connect'
import type { UniversalHandler, UniversalServerRequest } from '@connectrpc/connect/protocol'
import { parseTimeout } from '@connectrpc/connect/protocol-grpc'
import { type CancelTimer, type Clock, DfError } from '@damselfly/core'
import { callerGone, contextOfCall } from './call-guard.ts'
import { releaseStatusDetails } from './error-wire.ts'
import { toHeaders, toNodeHeaders } from './headers.ts'
import { writeChunk } from './write-chunk.ts'

/** `setTimeout` fires at once for anything longer. */
const maxTimerMs = 0x7fff_ffff
/** How often to look again whether a congested connection has taken a stream's trailers. */
const resetRetryMs = 5

export interface ServerStreamDeps {
  handlers: ReadonlyMap<string, UniversalHandler>
  /** Paths whose `grpc-timeout` does not count (trap T3). */
  longStreams: ReadonlySet<string>
  /** Response headers of streams leave with the first message, and a call that fails before it is trailers-only. */
  lateHeaders: boolean
  clock: Clock
}

/** Serves one call: the bridge between an HTTP/2 stream and the gRPC library's handlers. Never rejects. */
export async function serveStream(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  deps: ServerStreamDeps,
): Promise<void> {
  // Whatever goes wrong with a stream, `close` follows.
  stream.on('error', () => {})
  const path = received[':path']?.split('?', 1)[0] ?? ''
  const { request, dispose } = openRequest(stream, received, path, deps)
  try {
    const handler = deps.handlers.get(path)
    if (handler === undefined) answerUnknown(stream, path, deps.clock)
    else await respond(stream, handler, request, deps)
  } catch {
    // The handler's own errors are in the trailers; this is the stream breaking under us.
    finish(stream, constants.NGHTTP2_INTERNAL_ERROR)
  } finally {
    dispose()
  }
}

function openRequest(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  path: string,
  { longStreams, clock }: ServerStreamDeps,
): { request: UniversalServerRequest; dispose: () => void } {
  const call = new AbortController()
  stream.once('close', () => call.abort(callerGone()))
  const header = toHeaders(received)
  const cancel = startDeadline(header, call, { ignored: longStreams.has(path), clock })
  return {
    request: {
      httpVersion: '2.0',
      method: received[':method'] ?? '',
      url: `http://${received[':authority'] ?? 'localhost'}${path}`,
      header,
      body: requestBody(stream),
      signal: call.signal,
      contextValues: contextOfCall(call.signal),
    },
    dispose: cancel,
  }
}

/** Takes the timeout out of the header: the library's own timer would fire at once for more than 24 days. */
function startDeadline(
  header: Headers,
  call: AbortController,
  { ignored, clock }: { ignored: boolean; clock: Clock },
): CancelTimer {
  const { timeoutMs, error } = parseTimeout(header.get('grpc-timeout'), Number.MAX_SAFE_INTEGER)
  // A value that cannot be parsed stays there: the library answers it with InvalidArgument.
  if (error === undefined || ignored) header.delete('grpc-timeout')
  if (ignored || timeoutMs === undefined || timeoutMs > maxTimerMs) return () => {}
  return clock.schedule(timeoutMs, () =>
    call.abort(new DfError('Timeout', `the caller's deadline of ${timeoutMs} ms passed`)),
  )
}

/** Ends like a half-close only when the caller half-closed; a reset or a dead connection throws. */
async function* requestBody(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk
  } catch {
    throw callerGone()
  }
  if (stream.aborted || (stream.closed && stream.rstCode !== constants.NGHTTP2_NO_ERROR))
    throw callerGone()
}

async function respond(
  stream: ServerHttp2Stream,
  handler: UniversalHandler,
  request: UniversalServerRequest,
  { clock, lateHeaders }: ServerStreamDeps,
): Promise<void> {
  const trailer = new Headers()
  const isAccepted =
    request.method === 'POST' &&
    handler.supportedContentType(request.header.get('content-type') ?? '')
  const isStream = handler.method.methodKind !== 'unary'
  // Trap T4: callers give up when headers do not come within 10 s, and a stream's first message may take minutes.
  if (isAccepted && isStream && !lateHeaders) sendHeaders(stream, new Headers(), trailer, clock)
  const response = await handler(request)
  if (response.status !== 200) {
    stream.respond({ ':status': response.status }, { endStream: true })
    resetWhenSent(stream, clock)
    return
  }
  const header = response.header ?? new Headers()
  if (!stream.headersSent && !(isStream && lateHeaders)) sendHeaders(stream, header, trailer, clock)
  for await (const chunk of response.body ?? []) {
    if (stream.closed) throw callerGone()
    if (!stream.headersSent) sendHeaders(stream, header, trailer, clock)
    await writeChunk(stream, chunk)
  }
  response.trailer?.forEach((value, name) => {
    trailer.set(name, value)
  })
  releaseStatusDetails(trailer)
  if (stream.headersSent) stream.end()
  else sendTrailersOnly(stream, header, trailer, clock)
}

/**
 * Headers and trailers in one frame. Rust's dfget reads the JSON details of a failure (trap T6) only from this form;
 * from a stream that had begun it would report that it cannot remove its output.
 */
function sendTrailersOnly(
  stream: ServerHttp2Stream,
  header: Headers,
  trailer: Headers,
  clock: Clock,
): void {
  if (stream.closed || stream.destroyed) return
  header.set('content-type', 'application/grpc')
  stream.respond(
    { ...toNodeHeaders(header), ...toNodeHeaders(trailer), ':status': 200 },
    { endStream: true },
  )
  resetWhenSent(stream, clock)
}

/** `trailer` is read after `stream.end()`, when everything before it has left. */
function sendHeaders(
  stream: ServerHttp2Stream,
  header: Headers,
  trailer: Headers,
  clock: Clock,
): void {
  if (stream.closed || stream.destroyed) return
  header.set('content-type', 'application/grpc')
  stream.once('wantTrailers', () => {
    stream.sendTrailers(toNodeHeaders(trailer))
    resetWhenSent(stream, clock)
  })
  stream.respond({ ...toNodeHeaders(header), ':status': 200 }, { waitForTrailers: true })
}

/**
 * Trap T2: a Rust caller that does not half-close waits until the server resets the stream, so NO_ERROR follows the
 * trailers. Resetting before they are on their way drops them (`process.nextTick` is too early, and so is
 * `setImmediate` on a congested connection), hence the look at whether our side is closed.
 */
function resetWhenSent(stream: ServerHttp2Stream, clock: Clock): void {
  const attempt = (): void => {
    if (stream.closed || stream.state.localClose === 1) finish(stream, constants.NGHTTP2_NO_ERROR)
    else clock.schedule(resetRetryMs, attempt)
  }
  setImmediate(attempt)
}

/**
 * Node keeps a closed stream, and with it the connection, until its request has been read to the end; a handler that
 * has answered does not read on.
 */
function finish(stream: ServerHttp2Stream, code: number): void {
  if (stream.destroyed) return
  stream.close(code)
  if (stream.writableFinished || code !== constants.NGHTTP2_NO_ERROR) stream.destroy()
  else stream.once('finish', () => stream.destroy())
}

/** In gRPC's form, not HTTP's: a 404 reads as "there is no gRPC here". */
function answerUnknown(stream: ServerHttp2Stream, path: string, clock: Clock): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(Code.Unimplemented),
      'grpc-message': encodeURIComponent(`unknown method ${path}`),
    },
    { endStream: true },
  )
  resetWhenSent(stream, clock)
}
