import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { DescMethod } from '@bufbuild/protobuf'
import {
  type Clock,
  DfError,
  deferred,
  type Endpoint,
  type Log,
  type Network,
  type Running,
  sleep,
  systemClock,
  systemNetwork,
} from '@damselfly/core'
import { createHealth } from './health.ts'
import { connectionWindowBytes, http2Settings, maxSessionMemory } from './http2-settings.ts'
import { keepAlive } from './keep-alive.ts'
import { listen } from './listen.ts'
import { pathOf, type Routes } from './route.ts'
import type { ServerCall } from './server-call.ts'
import { type ServerStreamDeps, serveStream } from './server-stream.ts'

export interface RpcServerOptions {
  /** Where to listen. Port 0 takes a free one; a unix socket's directory is created. */
  listen: Endpoint
  /** Made with `route(Service, implementation)`. */
  services: Routes
  log: Log
  /** Service names that the health check answers besides the empty one. */
  health: readonly string[]
  /** Methods whose `grpc-timeout` is ignored (trap T3): descriptors or paths such as `/pkg.Service/Method`. */
  longStreams?: readonly (string | DescMethod)[]
  /**
   * Streams' response headers leave with the first message instead of at once, so that a call that fails before it fails
   * trailers-only. For local callers, which have no limit for the headers (trap T4). Default false.
   */
  lateHeaders?: boolean
  /** Per connection. Default 10,000. */
  maxConcurrentStreams?: number
  /** Longest request message in bytes. Default 4 MiB, as tonic's servers. */
  maxRequestBytes?: number
  /** How long `stop` lets calls finish, in milliseconds. Default 5,000. */
  graceMs?: number
  /** Connections are asked for a sign of life this often, in milliseconds. Default 60,000. */
  pingIntervalMs?: number
  /** A connection that gives none for this long is cut, in milliseconds. Default 20,000. */
  pingTimeoutMs?: number
  network?: Network
  clock?: Clock
}

export interface RpcServer extends Running {
  /** The real address, with the real port. */
  readonly endpoint: Endpoint
  /** What the health check answers for `name`; the empty name is the server as a whole. */
  setServing(name: string, isServing: boolean): void
}

/** gRPC over cleartext HTTP/2, on TCP or on a unix socket. Resolves when calls are taken. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { log, network = systemNetwork, clock = systemClock } = options
  const calls = new Set<ServerCall>()
  let isStopping = false
  const health = createHealth(options.health)
  const server = createHttp2Server(options)
  const sessions = trackSessions(server, options)
  server.on('stream', streamHandler(options, health.route, { calls, isStopping: () => isStopping }))
  server.on('sessionError', (err) => log.debug({ err }, 'connection failed'))
  const listener = network.createServer({ allowHalfOpen: true }, (socket) =>
    server.emit('connection', socket),
  )
  const endpoint = await listen(listener, options.listen, network)

  const closed = deferred()
  listener.on('error', (cause) => {
    closed.reject(
      new DfError('Internal', `the gRPC server broke down: ${cause.message}`, { cause }),
    )
  })
  const stopServer = async (): Promise<void> => {
    const accepting = new Promise<void>((resolve) => listener.close(() => resolve()))
    health.stop()
    isStopping = true
    for (const call of calls) call.shutDown()
    for (const session of sessions) session.close()
    const timer = new AbortController()
    await Promise.race([accepting, sleep(clock, options.graceMs ?? 5_000, timer.signal)])
    timer.abort()
    for (const session of sessions) session.destroy()
    await accepting
    closed.resolve()
  }
  let stopping: Promise<void> | undefined
  const stop = (reason?: string): Promise<void> => {
    if (stopping === undefined) log.debug({ reason, endpoint }, 'stopping the gRPC server')
    stopping ??= stopServer()
    return stopping
  }
  return {
    endpoint,
    closed: closed.promise,
    setServing: (name, isServing) => health.set(name, isServing),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}

function createHttp2Server({ maxConcurrentStreams = 10_000 }: RpcServerOptions): Http2Server {
  return createServer({
    settings: { ...http2Settings, maxConcurrentStreams },
    maxSessionMemory,
    // A caller drops two or three endless streams per task; Node's default cuts it at 33 a second.
    streamResetBurst: 100_000,
    streamResetRate: 10_000,
  })
}

function trackSessions(server: Http2Server, options: RpcServerOptions): Set<ServerHttp2Session> {
  const { clock = systemClock, pingIntervalMs = 60_000, pingTimeoutMs = 20_000 } = options
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(connectionWindowBytes)
    // The host of an announce stream may lose power without a word; the handler would wait for ever.
    const stopPinging = keepAlive(session, { clock, pingIntervalMs, pingTimeoutMs })
    session.once('close', () => {
      stopPinging()
      sessions.delete(session)
    })
  })
  return sessions
}

function streamHandler(
  options: RpcServerOptions,
  health: Routes[number],
  running: Pick<ServerStreamDeps, 'calls' | 'isStopping'>,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const { services, log, longStreams = [], maxRequestBytes, clock = systemClock } = options
  const methods = [...services, health].flatMap((route) => route.methods)
  const deps = {
    methods: new Map(methods.map((route) => [pathOf(route.method), route])),
    longStreams: new Set(longStreams.map((one) => (typeof one === 'string' ? one : pathOf(one)))),
    lateHeaders: options.lateHeaders ?? false,
    maxRequestBytes: maxRequestBytes ?? 4 * 1024 * 1024,
    ...running,
    clock,
    log,
  }
  return (stream, headers) => {
    void serveStream(stream, headers, deps)
  }
}
