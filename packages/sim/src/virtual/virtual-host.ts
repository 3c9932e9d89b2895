import { EventEmitter } from 'node:events'
import type { Server, Socket } from 'node:net'
import type { Endpoint, Network, OnRead } from '@damselfly/core'
import type { VirtualNetwork } from './virtual-network.ts'
import { VirtualSocket } from './virtual-socket.ts'

/** How a host ends: its kernel closes what was open, or nobody is told. */
export type HostEnd = 'reset' | 'silent'

/** One life of a host: what its programs take for the operating system's network. */
export class VirtualHost implements Network {
  readonly address: string
  readonly #network: VirtualNetwork
  readonly #sockets = new Set<VirtualSocket>()
  readonly #servers = new Map<string | number, VirtualServer>()
  #lastPort = 40_000
  #isDown = false
  /** Bytes per millisecond of pieces that leave it, and until when what has left keeps its line busy. */
  uplink = { bytesPerMs: Number.POSITIVE_INFINITY, busyUntilMs: 0 }

  constructor(address: string, network: VirtualNetwork) {
    this.address = address
    this.#network = network
  }

  get isDown(): boolean {
    return this.#isDown
  }

  /** Sockets and servers that are open. */
  get open(): number {
    return this.#sockets.size + this.#servers.size
  }

  get sockets(): Iterable<VirtualSocket> {
    return this.#sockets
  }

  connect(endpoint: Endpoint, options: { onread?: OnRead } = {}): Socket {
    const socket = this.newSocket(false, options.onread)
    this.#network.dial(socket, endpoint, this.freePort())
    return socket as unknown as Socket
  }

  createServer(options: { allowHalfOpen: boolean }, onConnection: (socket: Socket) => void) {
    const server = new VirtualServer(this, options.allowHalfOpen)
    server.on('connection', onConnection)
    return server as unknown as Server
  }

  newSocket(allowHalfOpen: boolean, onread?: OnRead): VirtualSocket {
    const socket = new VirtualSocket({ host: this, allowHalfOpen, onread })
    this.#sockets.add(socket)
    return socket
  }

  freePort(): number {
    this.#lastPort += 1
    return this.#lastPort
  }

  forget(socket: VirtualSocket): void {
    this.#sockets.delete(socket)
  }

  listener(at: string | number): VirtualServer | undefined {
    return this.#servers.get(at)
  }

  /** False when somebody listens there. */
  claim(at: string | number, server: VirtualServer): boolean {
    if (this.#servers.has(at)) return false
    this.#servers.set(at, server)
    return true
  }

  unclaim(at: string | number): void {
    this.#servers.delete(at)
  }

  /** What runs here goes on, but reaches nobody and is reached by nobody any more. */
  goDown(end: HostEnd): void {
    this.#isDown = true
    for (const socket of [...this.#sockets]) {
      const error = Object.assign(new Error('the host went down'), { code: 'ECONNRESET' })
      // Nobody is left on this side who would have to listen.
      socket.on('error', () => {})
      if (end === 'silent') socket.mute(error)
      else socket.destroy(error)
    }
    this.#servers.clear()
  }
}

/** As much of a `net.Server` as is used. */
export class VirtualServer extends EventEmitter {
  readonly allowHalfOpen: boolean
  readonly #host: VirtualHost
  readonly #open = new Set<VirtualSocket>()
  #at: string | number | undefined
  #whenClosed: (() => void)[] = []

  constructor(host: VirtualHost, allowHalfOpen: boolean) {
    super()
    this.#host = host
    this.allowHalfOpen = allowHalfOpen
  }

  listen(endpoint: Endpoint, onListening: () => void = () => {}): this {
    const at = 'path' in endpoint ? endpoint.path : endpoint.port || this.#host.freePort()
    queueMicrotask(() => {
      if (this.#host.isDown || !this.#host.claim(at, this)) {
        const error = new Error(`listen EADDRINUSE ${at}`)
        this.emit('error', Object.assign(error, { code: 'EADDRINUSE' }))
        return
      }
      this.#at = at
      this.emit('listening')
      onListening()
    })
    return this
  }

  address() {
    if (typeof this.#at === 'string') return this.#at
    return { address: this.#host.address, port: this.#at ?? 0, family: 'IPv4' }
  }

  accept(socket: VirtualSocket): void {
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#closeWhenEmpty()
    })
    this.emit('connection', socket)
  }

  close(onClosed: () => void = () => {}): this {
    if (this.#at !== undefined && this.#host.listener(this.#at) === this)
      this.#host.unclaim(this.#at)
    this.#whenClosed.push(onClosed)
    this.#closeWhenEmpty()
    return this
  }

  #closeWhenEmpty(): void {
    if (this.#open.size > 0) return
    const whenClosed = this.#whenClosed
    this.#whenClosed = []
    for (const onClosed of whenClosed) queueMicrotask(onClosed)
  }
}
