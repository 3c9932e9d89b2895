import type { Server, Socket } from 'node:net'
import { DfError, deferred, errorCode, type Network, type Running } from '@damselfly/core'
import { checkBufferBytes } from './memory.ts'
import { PieceConnection, type PieceConnectionDeps } from './piece-connection.ts'
import type { MinRate } from './rate-watch.ts'
import { type PeerIdentity, type SecureNetwork, systemSecureNetwork } from './secure.ts'

export interface ListenAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

export interface SecurePort {
  readonly listen: ListenAddress
  readonly identity: PeerIdentity
  /** The plain port serves Dragonfly's children only. */
  readonly isRequired?: boolean | undefined
}

export interface PieceServerConfig {
  readonly listen: ListenAddress
  /** A second port that speaks TLS 1.3 only, for our own children. */
  readonly secure?: SecurePort | undefined
  /** A child that sends no request or takes no bytes for so long is dropped. */
  readonly idleMs: number
  /** A child that takes bytes more slowly is dropped, so that others get its slot. Default: none is too slow. */
  readonly minRate?: MinRate | undefined
  /** How long `stop` lets answers under way go on. */
  readonly graceMs: number
  /**
   * For one more, a connection that is kept but not used is closed. When there is none, the newcomer is: it sees that at
   * once and asks another parent, instead of waiting in a queue that it cannot see.
   */
  readonly maxConnections: number
}

export interface PieceServerDeps extends PieceConnectionDeps {
  readonly network: Network
  readonly secure?: SecureNetwork | undefined
}

export interface PieceServer extends Running {
  /** Where it listens, with the real port. */
  readonly endpoint: ListenAddress
  /** Where it listens for TLS. */
  readonly secureEndpoint?: ListenAddress | undefined
  /** How many connections are open. */
  readonly connections: number
}

/** Serves pieces to whoever connects. */
export async function startPieceServer(
  config: PieceServerConfig,
  deps: PieceServerDeps,
): Promise<PieceServer> {
  checkBufferBytes(deps.pool)
  const connections = new Map<PieceConnection, Promise<void>>()
  const closed = deferred()
  const servers: Server[] = []
  /** Below TLS, those included whose handshake has not come to an end. */
  const sockets = new Set<Socket>()
  let stopping: Promise<void> | undefined

  const accept = (socket: Socket, isForDragonfly: boolean): void => {
    if (connections.size >= config.maxConnections) closeIdle(connections)
    if (stopping !== undefined || connections.size >= config.maxConnections) {
      deps.log.debug({ connections: connections.size }, 'piece connection refused')
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const { idleMs, minRate } = config
    const connection = new PieceConnection(socket, { idleMs, minRate, isForDragonfly }, deps)
    const run = connection.run().finally(() => connections.delete(connection))
    connections.set(connection, run)
  }
  const stop = (): Promise<void> => {
    stopping ??= close(servers, { connections, sockets }, { ...config, ...deps }).finally(
      closed.resolve,
    )
    return stopping
  }
  const start = async (server: Server, at: ListenAddress): Promise<ListenAddress> => {
    const endpoint = await listen(server, at)
    servers.push(server)
    server.on('error', (error) => {
      closed.reject(DfError.from(error))
      stop().catch(closed.reject)
    })
    return endpoint
  }
  const isForDragonfly = config.secure?.isRequired === true
  const plain = deps.network.createServer({ allowHalfOpen: true }, (socket) =>
    accept(socket, isForDragonfly),
  )
  const endpoint = await start(plain, config.listen)
  let secureEndpoint: ListenAddress | undefined
  try {
    secureEndpoint = await startSecure(config, deps, {
      onConnection: (socket) => accept(socket, false),
      start,
      sockets,
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    endpoint,
    secureEndpoint,
    get connections() {
      return connections.size
    },
    closed: closed.promise,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The one that was opened first. */
function closeIdle(connections: Map<PieceConnection, Promise<void>>): void {
  for (const connection of connections.keys()) {
    if (!connection.isIdle) continue
    connections.delete(connection)
    connection.drain()
    return
  }
}

interface SecureStart {
  readonly sockets: Set<Socket>
  readonly onConnection: (socket: Socket) => void
  readonly start: (server: Server, at: ListenAddress) => Promise<ListenAddress>
}

async function startSecure(
  { secure }: PieceServerConfig,
  deps: PieceServerDeps,
  { onConnection, start, sockets }: SecureStart,
): Promise<ListenAddress | undefined> {
  if (secure === undefined) return undefined
  const network = deps.secure ?? systemSecureNetwork()
  const server = network.createServer(secure.identity, onConnection)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return start(server, secure.listen)
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
  const listening = deferred()
  server.once('error', listening.reject)
  server.listen({ host, port }, listening.resolve)
  try {
    await listening.promise
  } catch (cause) {
    const isTaken = errorCode(cause) === 'EADDRINUSE'
    const what = `The piece server cannot listen on ${host} port ${port}: ${String(cause)}`
    throw new DfError(isTaken ? 'AlreadyRunning' : 'InvalidConfig', what, { cause })
  }
  server.removeListener('error', listening.reject)
  const address = server.address()
  if (address === null || typeof address === 'string') return { host, port }
  return { host: address.address, port: address.port }
}

interface Open {
  readonly connections: ReadonlyMap<PieceConnection, Promise<void>>
  readonly sockets: ReadonlySet<Socket>
}

async function close(
  servers: readonly Server[],
  { connections, sockets }: Open,
  { clock, graceMs }: Pick<PieceServerConfig & PieceServerDeps, 'clock' | 'graceMs'>,
): Promise<void> {
  const stopped = servers.map((server) => new Promise((resolve) => server.close(resolve)))
  for (const connection of connections.keys()) connection.drain()
  const cancel = clock.schedule(graceMs, () => {
    for (const connection of connections.keys()) connection.destroy('The piece server stops.')
  })
  await Promise.all(connections.values())
  for (const socket of sockets) socket.destroy()
  await Promise.all(stopped)
  cancel()
}
