import type { Socket } from 'node:net'
import { plainHead } from './plain-head.ts'

/** Larger ones cost memory and gain nothing; 64 KiB loses half of the speed. */
const bufferBytes = 256 * 1024
/** Smaller bodies come with their head, or soon after, and Node's way is good enough for them. */
export const minDirectBytes = 256 * 1024

const intakes = new WeakMap<Socket, Intake>()

/** The intake that reads the socket; `undefined` for a socket that is read as Node does it. */
export const intakeOf = (socket: Socket): Intake | undefined => intakes.get(socket)

/**
 * The reading end of a connection. Node's client makes a new buffer for each 64 KiB, and its parser a copy of it; large
 * bodies go around both, through one buffer that is used again and again (`onread` of `net.connect`). The parser is told
 * that such a body has no bytes, by zeros in place of the digits of Content-Length: so it is still the parser that
 * judges the head, and the agent that keeps the connection, once the body is read and the answer has been told to end.
 */
export class Intake {
  readonly #buffer: Uint8Array = Buffer.allocUnsafeSlow(bufferBytes)
  #socket: Socket | undefined
  #expectsContent = false
  #body: DivertedBody | undefined

  readonly onread = {
    buffer: this.#buffer,
    callback: (length: number): boolean => this.#read(this.#buffer.subarray(0, length)),
  }

  attach(socket: Socket): void {
    this.#socket = socket
    intakes.set(socket, this)
  }

  /** A request was sent on this connection. The answer to HEAD has a length and no content. */
  expect(method: 'HEAD' | 'GET'): void {
    this.#body = undefined
    this.#expectsContent = method === 'GET'
  }

  /** The body that goes around the parser; known when the answer is. */
  get body(): DivertedBody | undefined {
    return this.#body
  }

  #read(bytes: Uint8Array): boolean {
    if (this.#body !== undefined) return this.#body.arrive(bytes)
    const head = this.#expectsContent ? plainHead(bytes) : undefined
    this.#expectsContent = false
    const socket = this.#socket
    if (socket === undefined) return false
    if (head === undefined || head.bodyLength < minDirectBytes)
      return socket.push(Buffer.from(bytes))
    this.#body = new DivertedBody(socket, head.bodyLength)
    const told = Buffer.from(bytes.subarray(0, head.headLength)).fill(
      '0',
      head.digits.start,
      head.digits.end,
    )
    if (bytes.length > head.headLength) this.#body.arrive(bytes.subarray(head.headLength))
    socket.push(told)
    return false
  }
}

/** Chunks between socket and reader: reading pauses with the first one that nobody waits for. */
export class DivertedBody {
  readonly length: number
  readonly #socket: Socket
  readonly #chunks: Uint8Array[] = []
  #missing: number
  /** The reader looks at the one buffer there is. */
  #isLent = false
  #isClosed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket, length: number) {
    this.#socket = socket
    this.length = length
    this.#missing = length
    socket.once('close', this.#close)
  }

  /** Returns whether to go on reading. What Node brings after that is copied: TLS decrypts a few records more. */
  arrive(bytes: Uint8Array): boolean {
    const wanted = bytes.subarray(0, this.#missing)
    this.#missing -= wanted.length
    if (wanted.length > 0) this.#chunks.push(this.#isLent ? Buffer.from(wanted) : wanted)
    this.#isLent = true
    // More than was announced: the connection is of no use any more, the body still is.
    if (wanted.length < bytes.length) this.#socket.destroy()
    this.#wakeUp()
    return false
  }

  /** The next chunk, valid until the call after this one; `undefined` when the connection is closed. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) return chunk
      if (this.#isClosed) return undefined
      this.#isLent = false
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#socket.resume()
      })
    }
  }

  /** Everything has been read; the socket goes to somebody else. */
  release(): void {
    this.#socket.off('close', this.#close)
  }

  readonly #close = (): void => {
    this.#isClosed = true
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
