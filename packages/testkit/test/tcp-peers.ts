import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A socket with what it has received, and promises for what a test waits for. */
export class Peer {
  readonly socket: Socket
  /** Code of the error, or `closed`. */
  readonly ended: Promise<string>
  readonly #chunks: Buffer[] = []
  #receivedBytes = 0
  #hasEnd = false

  constructor(socket: Socket) {
    this.socket = socket
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#receivedBytes += chunk.byteLength
    })
    socket.on('end', () => {
      this.#hasEnd = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get hasEnd(): boolean {
    return this.#hasEnd
  }

  async receives(count: number): Promise<Buffer> {
    while (this.#receivedBytes < count) await once(this.socket, 'data')
    return this.received
  }

  async end(): Promise<void> {
    if (!this.#hasEnd) await once(this.socket, 'end')
  }

  /** Resolves when nothing has come and gone for that long. */
  async staysSilent(ms: number): Promise<void> {
    this.socket.setTimeout(ms)
    await once(this.socket, 'timeout')
    this.socket.setTimeout(0)
  }
}

export interface Target extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** How many connections have come. */
  readonly accepted: number
  /** The next connection that comes, or came and was not asked for yet. */
  next(): Promise<Peer>
}

/** A TCP server that keeps half-open connections and does nothing by itself. */
export async function startTarget(onPeer: (peer: Peer) => void = () => {}): Promise<Target> {
  const peers: Peer[] = []
  const all = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new Peer(socket)
    all.add(socket)
    peers.push(peer)
    onPeer(peer)
    server.emit('peer')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return all.size
    },
    async next() {
      for (;;) {
        const peer = peers.shift()
        if (peer !== undefined) return peer
        await once(server, 'peer')
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of all) socket.destroy()
      await closed
    },
  }
}

export async function dial(port: number): Promise<Peer & Disposable> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const peer = new Peer(socket)
  // A refused connection is reset right after it was accepted, maybe before `connect` is seen.
  await Promise.race([once(socket, 'connect').catch(() => {}), peer.ended])
  return Object.assign(peer, { [Symbol.dispose]: () => void socket.destroy() })
}
