import type { Socket } from 'node:net'
import type { DescService } from '@bufbuild/protobuf'
import { type Client, Code, ConnectError } from '@connectrpc/connect'
import { Http2SessionManager } from '@connectrpc/connect-node'
import {
  type Clock,
  type Endpoint,
  type ErrorCode,
  type Network,
  systemClock,
  systemNetwork,
} from '@damselfly/core'
import { type CallDeadlines, createTypedClient } from './client.ts'
import type { Http2CallDeps } from './http2-call.ts'
import { http2Settings, maxSessionMemory } from './http2-settings.ts'
import { type StatusCodes, statusCodes } from './status.ts'

export interface ChannelOptions {
  deadlines?: CallDeadlines
  /** The code of "cannot be reached" and "broke off". Default `PeerUnavailable`. */
  unavailable?: ErrorCode
  /** Codes for other statuses of servers that do not send ours. */
  statusCodes?: Partial<StatusCodes>
  /** In milliseconds. Default 3,000. */
  connectTimeoutMs?: number
  /**
   * How often an idle connection with open calls is asked for a sign of life, in milliseconds. Default 300,000, as
   * Dragonfly's daemons: a Go server closes connections that ask more often than every five minutes.
   */
  pingIntervalMs?: number
  /** A connection that gives none for this long is cut, in milliseconds. Default 20,000. */
  pingTimeoutMs?: number
  /** Closes the channel. */
  signal?: AbortSignal
  network?: Network
  clock?: Clock
}

/** One HTTP/2 connection to an endpoint, opened by the first call, opened again after it broke, shared by all services. */
export interface RpcChannel extends Disposable {
  client<S extends DescService>(service: S): Client<S>
  /** Calls under way fail as unavailable, later ones too. */
  close(): void
}

export interface RpcClient<S extends DescService> extends Disposable {
  readonly client: Client<S>
  close(): void
}

/** Does not connect yet. An idle channel does not keep the process alive. */
export function openChannel(endpoint: Endpoint, options: ChannelOptions = {}): RpcChannel {
  const where = 'path' in endpoint ? endpoint.path : `${bracketed(endpoint.host)}:${endpoint.port}`
  const baseUrl = 'path' in endpoint ? 'http://localhost' : `http://${where}`
  const sessions = createSessions(baseUrl, endpoint, options)
  let isClosed = false
  const closedError = (): ConnectError =>
    new ConnectError(`the channel to ${where} was closed`, Code.Unavailable)
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    options.signal?.removeEventListener('abort', close)
    sessions.abort(closedError())
  }
  if (options.signal?.aborted === true) close()
  else options.signal?.addEventListener('abort', close)

  const reachable: Http2CallDeps['sessions'] = {
    request: (...request) =>
      isClosed ? Promise.reject(closedError()) : sessions.request(...request),
    notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
  }
  const deps = {
    sessions: reachable,
    where,
    codes: statusCodes(options.unavailable, options.statusCodes),
    deadlines: { unaryMs: 10_000, openMs: 0, ...options.deadlines },
    clock: options.clock ?? systemClock,
  }
  return {
    client: (service) => createTypedClient(service, deps),
    close,
    [Symbol.dispose]: close,
  }
}

/** A channel for one service. */
export function createRpcClient<S extends DescService>(
  service: S,
  endpoint: Endpoint,
  options: ChannelOptions = {},
): RpcClient<S> {
  const channel = openChannel(endpoint, options)
  return {
    client: channel.client(service),
    close: () => channel.close(),
    [Symbol.dispose]: () => channel.close(),
  }
}

function createSessions(
  baseUrl: string,
  endpoint: Endpoint,
  { pingIntervalMs = 300_000, pingTimeoutMs = 20_000, ...options }: ChannelOptions,
): Http2SessionManager {
  const { connectTimeoutMs = 3_000, network = systemNetwork, clock = systemClock } = options
  const createConnection = (): Socket => {
    const socket = network.connect(endpoint)
    const cancel = clock.schedule(connectTimeoutMs, () =>
      socket.destroy(new Error(`not connected within ${connectTimeoutMs} ms`)),
    )
    socket.once('connect', cancel)
    socket.once('close', cancel)
    return socket
  }
  return new Http2SessionManager(
    baseUrl,
    { pingIntervalMs, pingTimeoutMs },
    { settings: http2Settings, maxSessionMemory, createConnection },
  )
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
