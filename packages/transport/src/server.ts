import type { Server } from 'node:net'
import { DfError, deferred, errorCode, type Network, type Running } from '@damselfly/core'
import { checkBufferBytes } from './memory.ts'
import { PieceConnection, type PieceConnectionDeps } from './piece-connection.ts'

export interface PieceServerConfig {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
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
}

export interface PieceServer extends Running {
  /** Where it listens, with the real port. */
  readonly endpoint: { readonly host: string; readonly port: number }
  /** How many connections are open. */
  readonly connections: number
}

/** Serves pieces to whoever connects; one request per connection. */
export async function startPieceServer(
  config: PieceServerConfig,
  deps: PieceServerDeps,
): Promise<PieceServer> {
  checkBufferBytes(deps.pool)
  const connections = new Map<PieceConnection, Promise<void>>()
  const closed = deferred()
  let stopping: Promise<void> | undefined

  const server = deps.network.createServer({ allowHalfOpen: true }, (socket) => {
    if (stopping !== undefined || connections.size >= config.maxConnections) {
      deps.log.debug({ connections: connections.size }, 'piece connection refused')
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const connection = new PieceConnection(socket, config.idleMs, deps)
    const run = connection.run().finally(() => connections.delete(connection))
    connections.set(connection, run)
  })
  const endpoint = await listen(server, config.listen)
  const stop = (): Promise<void> => {
    stopping ??= close(server, connections, { ...config, ...deps }).finally(closed.resolve)
    return stopping
  }
  server.on('error', (error) => {
    closed.reject(DfError.from(error))
    stop().catch(closed.reject)
  })
  return {
    endpoint,
    get connections() {
      return connections.size
    },
    closed: closed.promise,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function listen(
  server: Server,
  { host, port }: PieceServerConfig['listen'],
): Promise<PieceServer['endpoint']> {
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
  server: Server,
  connections: ReadonlyMap<PieceConnection, Promise<void>>,
  { clock, graceMs }: Pick<PieceServerConfig & PieceServerDeps, 'clock' | 'graceMs'>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const connection of connections.keys()) connection.drain()
  const cancel = clock.schedule(graceMs, () => {
    for (const connection of connections.keys()) connection.destroy('The piece server stops.')
  })
  await Promise.all([stopped, ...connections.values()])
  cancel()
}
