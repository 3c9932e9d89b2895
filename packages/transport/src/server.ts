import type { Server, Socket } from 'node:net'
import { DfError, deferred, errorCode, type Network, type Running } from '@damselfly/core'
import { checkBufferBytes } from './memory.ts'
import { PieceConnection, type PieceConnectionDeps } from './piece-connection.ts'
import { type PeerIdentity, type SecureNetwork, systemSecureNetwork } from './secure.ts'

export interface ListenAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

export interface PieceServerConfig {
  readonly listen: ListenAddress
  /** A second port that speaks TLS 1.3 only, for our own children. */
  readonly secure?: { readonly listen: ListenAddress; readonly identity: PeerIdentity } | undefined
  /** A child that sends no request or takes no bytes for so long is dropped. */
  readonly idleMs: number
  /** How long `stop` lets answers under way go on. */
  readonly graceMs: number
  /**
   * Connections beyond it are closed as soon as they are accepted; a child sees that at once and asks another
   * parent, instead of waiting in a queue that it cannot see.
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
  let stopping: Promise<void> | undefined

  const onConnection = (socket: Socket): void => {
    if (stopping !== undefined || connections.size >= config.maxConnections) {
      deps.log.debug({ connections: connections.size }, 'piece connection refused')
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const connection = new PieceConnection(socket, config.idleMs, deps)
    const run = connection.run().finally(() => connections.delete(connection))
    connections.set(connection, run)
  }
  const stop = (): Promise<void> => {
    stopping ??= close(servers, connections, { ...config, ...deps }).finally(closed.resolve)
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
  const plain = deps.network.createServer({ allowHalfOpen: true }, onConnection)
  const endpoint = await start(plain, config.listen)
  let secureEndpoint: ListenAddress | undefined
  try {
    secureEndpoint = await startSecure(config, deps, { onConnection, start })
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

interface SecureStart {
  readonly onConnection: (socket: Socket) => void
  readonly start: (server: Server, at: ListenAddress) => Promise<ListenAddress>
}

async function startSecure(
  { secure }: PieceServerConfig,
  deps: PieceServerDeps,
  { onConnection, start }: SecureStart,
): Promise<ListenAddress | undefined> {
  if (secure === undefined) return undefined
  const network = deps.secure ?? systemSecureNetwork()
  return start(network.createServer(secure.identity, onConnection), secure.listen)
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

async function close(
  servers: readonly Server[],
  connections: ReadonlyMap<PieceConnection, Promise<void>>,
  { clock, graceMs }: Pick<PieceServerConfig & PieceServerDeps, 'clock' | 'graceMs'>,
): Promise<void> {
  const stopped = servers.map((server) => new Promise((resolve) => server.close(resolve)))
  for (const connection of connections.keys()) connection.drain()
  const cancel = clock.schedule(graceMs, () => {
    for (const connection of connections.keys()) connection.destroy('The piece server stops.')
  })
  await Promise.all([...stopped, ...connections.values()])
  cancel()
}
