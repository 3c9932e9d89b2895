import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { Code } from '@connectrpc/connect'
import {
  contentTypeRegExp,
  parseTimeout,
  setTrailerStatus,
} from '@connectrpc/connect/protocol-grpc'
import { type CancelTimer, type Clock, DfError, type Log } from '@damselfly/core'
import { callerGone, statusOf } from './call-guard.ts'
import { releaseStatusDetails } from './error-wire.ts'
import { frameOf } from './frame.ts'
import { toNodeHeaders } from './headers.ts'
import { type MethodRoute, pathOf } from './route.ts'
import { ServerCall } from './server-call.ts'
import { writeChunk } from './write-chunk.ts'

/** `setTimeout` fires at once for anything longer. */
const maxTimerMs = 0x7fff_ffff
/** How often to look again whether a congested connection has taken a stream's trailers. */
const resetRetryMs = 5

export interface ServerStreamDeps {
  methods: ReadonlyMap<string, MethodRoute>
  /** Paths whose `grpc-timeout` does not count (trap T3). */
  longStreams: ReadonlySet<string>
  /** Response headers of streams leave with the first message, and a call that fails before it is trailers-only. */
  lateHeaders: boolean
  /** Longest request message in bytes. */
  maxRequestBytes: number
  /** Those under way. */
  calls: Set<ServerCall>
  isStopping: () => boolean
  clock: Clock
  log: Log
}

/** Serves one call: the bridge between an HTTP/2 stream and a handler. Never rejects. */
export async function serveStream(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  deps: ServerStreamDeps,
): Promise<void> {
  // Whatever goes wrong with a stream, `close` follows.
  stream.on('error', () => {})
  const path = received[':path']?.split('?', 1)[0] ?? ''
  const route = deps.methods.get(path)
  try {
    if (route === undefined) answerUnknown(stream, path, deps.clock)
    else if (!isGrpc(received)) refuse(stream, received, deps.clock)
    else await respond(stream, received, route, deps)
  } catch {
    // The handler's own errors are in the trailers; this is the stream breaking under us.
    finish(stream, constants.NGHTTP2_INTERNAL_ERROR)
  }
}

function isGrpc(received: IncomingHttpHeaders): boolean {
  const [, isJson] = contentTypeRegExp.exec(received['content-type'] ?? '') ?? ['', 'none']
  return received[':method'] === 'POST' && isJson === undefined
}

function refuse(stream: ServerHttp2Stream, received: IncomingHttpHeaders, clock: Clock): void {
  const status = received[':method'] === 'POST' ? 415 : 405
  stream.respond({ ':status': status }, { endStream: true })
  resetWhenSent(stream, clock)
}

async function respond(
  stream: ServerHttp2Stream,
  received: IncomingHttpHeaders,
  route: MethodRoute,
  deps: ServerStreamDeps,
): Promise<void> {
  const { method } = route
  const { clock } = deps
  const isLate = method.methodKind !== 'unary' && deps.lateHeaders
  const answer: Answer = { trailer: { 'grpc-status': '0' } }
  using call = new ServerCall(stream, route, deps.maxRequestBytes)
  deps.calls.add(call)
  if (deps.isStopping()) call.shutDown()
  // Trap T4: callers give up when headers do not come within 10 s, and a stream's first message may take minutes.
  if (method.methodKind !== 'unary' && !isLate) sendHeaders(stream, answer, clock)
  const cancel = startDeadline(received, call, {
    ignored: deps.longStreams.has(pathOf(method)),
    clock,
  })
  try {
    for await (const message of call.answers()) {
      if (stream.closed) throw callerGone
      if (!stream.headersSent) sendHeaders(stream, answer, clock)
      await writeChunk(stream, frame(method.output, message))
    }
    Object.assign(answer.trailer, call.trailer)
  } catch (thrown) {
    answer.trailer = failureTrailer(thrown, method, deps)
  } finally {
    cancel()
    deps.calls.delete(call)
  }
  if (stream.headersSent) stream.end()
  else if (isLate) sendTrailersOnly(stream, answer, clock)
  else {
    sendHeaders(stream, answer, clock)
    stream.end()
  }
}

function frame(schema: DescMessage, message: unknown): Buffer {
  return frameOf(schema, create(schema, message as MessageInitShape<DescMessage>))
}

function failureTrailer(
  thrown: unknown,
  { parent, name }: MethodRoute['method'],
  { isStopping, log }: ServerStreamDeps,
): OutgoingHttpHeaders {
  const rpc = `${parent.typeName}/${name}`
  const status = statusOf(thrown, { rpc, isStopping: isStopping(), log })
  const trailer = setTrailerStatus(new Headers(), status)
  releaseStatusDetails(trailer)
  return toNodeHeaders(trailer)
}

/** The trailer may change until everything before it has left. */
interface Answer {
  trailer: OutgoingHttpHeaders
}

function startDeadline(
  received: IncomingHttpHeaders,
  call: ServerCall,
  { ignored, clock }: { ignored: boolean; clock: Clock },
): CancelTimer {
  const asked = received['grpc-timeout']
  if (ignored || typeof asked !== 'string') return () => {}
  const { timeoutMs, error } = parseTimeout(asked, Number.MAX_SAFE_INTEGER)
  if (error !== undefined) call.end(error)
  if (timeoutMs === undefined || timeoutMs > maxTimerMs) return () => {}
  return clock.schedule(timeoutMs, () =>
    call.end(new DfError('Timeout', `the caller's deadline of ${timeoutMs} ms passed`)),
  )
}

const responseHeader = { ':status': 200, 'content-type': 'application/grpc' }

/**
 * Headers and trailers in one frame. Rust's dfget reads the JSON details of a failure (trap T6) only from this form;
 * from a stream that had begun it would report that it cannot remove its output.
 */
function sendTrailersOnly(stream: ServerHttp2Stream, { trailer }: Answer, clock: Clock): void {
  if (stream.closed || stream.destroyed) return
  stream.respond({ ...trailer, ...responseHeader }, { endStream: true })
  resetWhenSent(stream, clock)
}

/** The trailer is read after `stream.end()`. */
function sendHeaders(stream: ServerHttp2Stream, answer: Answer, clock: Clock): void {
  if (stream.closed || stream.destroyed) return
  stream.once('wantTrailers', () => {
    stream.sendTrailers(answer.trailer)
    resetWhenSent(stream, clock)
  })
  stream.respond(responseHeader, { waitForTrailers: true })
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
