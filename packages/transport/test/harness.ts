import { connect, createServer, type Socket } from 'node:net'
import {
  DfError,
  type Endpoint,
  isDfError,
  type Network,
  seededRandom,
  silentLog,
  systemClock,
  systemNetwork,
} from '@damselfly/core'
import {
  BufferPool,
  type PeerAddress,
  PeerLinks,
  type PeerLinksDeps,
  type PeerLinksOptions,
  type PieceFetch,
  type PieceServer,
  type PieceServerConfig,
  type PieceServerDeps,
  type PieceSink,
  RateLimit,
  type ServedPiece,
  startPieceServer,
  UploadGovernor,
} from '@damselfly/transport'

export const taskId = '0123456789abcdef'.repeat(4)
export const MiB = 1024 * 1024

/** Bytes that differ from place to place, so that a shift or a swap is noticed. */
export function content(length: number, salt = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let x = (salt + 1) * 0x9e3779b1
  for (let i = 0; i < length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    bytes[i] = x >>> 24
  }
  return bytes
}

export interface PieceLog {
  readonly released: number[]
  readonly reads: { offset: number; length: number }[]
}

export function piece(number: number, bytes: Uint8Array, log?: PieceLog): ServedPiece {
  return {
    number,
    offset: number * 4 * MiB,
    length: bytes.byteLength,
    digest: 'crc32:1475635037',
    parentId: 'parent',
    costMs: 3000,
    createdAt: 1_700_000_000_000,
    async read(buffer, offset) {
      log?.reads.push({ offset, length: buffer.byteLength })
      buffer.set(bytes.subarray(offset, offset + buffer.byteLength))
      return Math.min(buffer.byteLength, bytes.byteLength - offset)
    },
    release: (sentBytes) => void log?.released.push(sentBytes),
  }
}

/** A sink that keeps everything. */
export class MemorySink implements PieceSink {
  readonly #chunks: Buffer[] = []

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(Buffer.from(chunk))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

export const newPool = (maxBuffers = 16, bufferBytes = 256 * 1024): BufferPool =>
  new BufferPool({ bufferBytes, maxBuffers })

export interface TestServer extends PieceServer {
  readonly pool: BufferPool
}

export async function serve(
  open: PieceServerDeps['open'],
  options: Partial<PieceServerConfig> &
    Partial<Pick<PieceServerDeps, 'onSent' | 'pool' | 'governor' | 'compress' | 'clock'>> = {},
): Promise<TestServer> {
  const { onSent, governor, compress, pool = newPool(), ...rest } = options
  const { clock = systemClock, ...config } = rest
  const server = await startPieceServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      idleMs: 5000,
      graceMs: 5000,
      maxConnections: 64,
      ...config,
    },
    {
      network: systemNetwork,
      clock,
      log: silentLog,
      pool,
      open,
      onSent,
      governor,
      compress,
    },
  )
  return Object.defineProperties({ pool } as TestServer, Object.getOwnPropertyDescriptors(server))
}

/** Serves these pieces of the one task; anything else is not found. */
export const pieces =
  (...served: ServedPiece[]): PieceServerDeps['open'] =>
  async (_family, id, number) => {
    const found = served.find((p) => p.number === number && id === taskId)
    if (found === undefined) throw new DfError('PieceNotFound', `no piece ${number}`)
    return found
  }

export interface FetchOptions extends Partial<Omit<PieceFetch, 'peer'>> {
  readonly network?: Network
  readonly idleMs?: number
  readonly connectMs?: number
}

export function fetchFrom(
  { endpoint }: { readonly endpoint: Endpoint },
  expectedLength: number,
  { network = systemNetwork, idleMs = 5000, connectMs = 5000, ...fetch }: FetchOptions = {},
) {
  const sink = fetch.sink ?? new MemorySink()
  const peer = { endpoint }
  const request = { peer, family: 'standard', taskId, number: 0, expectedLength, sink } as const
  const deps = { network, clock: systemClock, random: seededRandom(1) }
  return new PeerLinks({ connectMs, idleMs }, deps).fetch({ ...request, ...fetch })
}

/** Limits nothing and writes down every chunk. */
export function recordingGovernor(taken: number[]): UploadGovernor {
  class Recorded extends RateLimit {
    override spend(bytes: number): void {
      taken.push(bytes)
    }
  }
  const limit = new Recorded(Number.POSITIVE_INFINITY, { clock: systemClock })
  return new UploadGovernor(
    { slots: 8, maxWaiting: 8 },
    { clock: systemClock, limits: () => [limit] },
  )
}

export const newLinks = (
  options: PeerLinksOptions = {},
  deps: Partial<PeerLinksDeps> = {},
): PeerLinks & AsyncDisposable => {
  const links = new PeerLinks(
    { connectMs: 5000, idleMs: 5000, ...options },
    { network: systemNetwork, clock: systemClock, random: seededRandom(1), ...deps },
  )
  return Object.assign(links, { [Symbol.asyncDispose]: () => links.close() })
}

/** A peer of our own kind. */
export const kept = ({ endpoint }: { readonly endpoint: Endpoint }): PeerAddress => ({
  endpoint,
  features: { keepAlive: true },
})

/** Keeps what it gets, without a promise. */
export class ImmediateSink implements PieceSink {
  readonly #chunks: Buffer[] = []

  write(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** A fetch of this piece of the one task. */
export const fetchOf = (
  peer: PeerAddress,
  number: number,
  expectedLength: number,
  options: Partial<PieceFetch> = {},
): PieceFetch => ({
  peer,
  family: 'standard',
  taskId,
  number,
  expectedLength,
  sink: new ImmediateSink(),
  ...options,
})

/** The code of the error that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isDfError(error)) return error.code
    throw error
  }
  return 'no error'
}

/** A peer made by hand: what it does with a connection is the test's business. */
export async function rawServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    endpoint: { host: '127.0.0.1', port: address.port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A child made by hand. */
export function rawClient({ endpoint }: Pick<PieceServer, 'endpoint'>) {
  const socket = connect({ ...endpoint, allowHalfOpen: true })
  const chunks: Buffer[] = []
  const arrival = new EventTarget()
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    arrival.dispatchEvent(new Event('bytes'))
  })
  socket.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    socket.on('end', resolve)
    socket.on('close', () => resolve())
  })
  const received = (): Buffer => Buffer.concat(chunks)
  return {
    socket,
    /** Resolves when the server has ended or broken the connection. */
    ended,
    received,
    /** Resolves when at least so many bytes have arrived. */
    async has(count: number): Promise<Buffer> {
      while (received().byteLength < count) {
        await new Promise((resolve) => arrival.addEventListener('bytes', resolve, { once: true }))
      }
      return received()
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** Waits for a condition that some other part of the program brings about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
