import {
  connect,
  createServer,
  type Server,
  type Socket,
  type SocketConstructorOpts,
} from 'node:net'

/** Where a byte stream ends: a TCP address or the path of a unix socket. */
export type Endpoint = { host: string; port: number } | { path: string }

/** How received bytes reach memory that the caller owns; see `net.Socket`'s `onread` option. */
export type OnRead = NonNullable<SocketConstructorOpts['onread']>

/** Sockets. Engines take a `Network`, never `node:net`. */
export interface Network {
  /** Starts connecting; the socket emits `connect` or `error`. Nagle's algorithm is off. */
  connect(endpoint: Endpoint, options?: { onread?: OnRead }): Socket
  /** A TCP or unix server, not yet listening. With `allowHalfOpen` a client's FIN leaves our side open. */
  createServer(options: { allowHalfOpen: boolean }, onConnection: (socket: Socket) => void): Server
}

/** The operating system's sockets. */
export const systemNetwork: Network = {
  connect: (endpoint, options) => connect({ ...endpoint, noDelay: true, ...options }),
  createServer: ({ allowHalfOpen }, onConnection) =>
    createServer({ allowHalfOpen, noDelay: true }, onConnection),
}
