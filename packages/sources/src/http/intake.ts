import type { Socket } from 'node:net'
import { DivertedBody } from './diverted-body.ts'
import { plainHead } from './plain-head.ts'
import { takeBuffer } from './read-buffers.ts'

/** Smaller bodies come with their head or soon after; Node's way is good enough for them. */
const minDivertedBytes = 256 * 1024

const intakes = new WeakMap<Socket, Intake>()

/** The reading end of a socket that `httpAgents` made. */
export const intakeOf = (socket: Socket): Intake | undefined => intakes.get(socket)

/**
 * The reading end of a connection. Node's client makes a buffer for each 64 KiB, and its parser a copy of it; large bodies
 * go around both, in buffers that are used again and again (`onread` of `net.connect`). The parser is told that such a
 * body has no bytes, by zeros in place of the digits of Content-Length. So it is still the parser that judges the head,
 * and the agent that keeps the connection: it hears that the answer is over once the body has been read.
 */
export class Intake {
  #buffer = takeBuffer()
  #isLent = false
  #socket: Socket | undefined
  #expectsContent = false
  #body: DivertedBody | undefined

  readonly onread = {
    buffer: (): Uint8Array => this.#freeBuffer(),
    callback: (length: number, buffer: Uint8Array): boolean =>
      this.#read(buffer.subarray(0, length)),
  }

  attach(socket: Socket): void {
    this.#socket = socket
    intakes.set(socket, this)
  }

  /** A request is about to be sent on this connection. The answer to HEAD has a length and no content. */
  expect(method: 'HEAD' | 'GET'): void {
    this.#body = undefined
    this.#expectsContent = method === 'GET'
  }

  /** The body that goes around the parser; known when the head is. */
  get body(): DivertedBody | undefined {
    return this.#body
  }

  #freeBuffer(): Uint8Array {
    if (this.#isLent) this.#buffer = takeBuffer()
    this.#isLent = false
    return this.#buffer
  }

  /** Returns whether to go on reading. */
  #read(bytes: Uint8Array): boolean {
    if (this.#socket === undefined) return false
    if (this.#body !== undefined) {
      this.#isLent = this.#body.arrive(bytes, this.#buffer)
      return false
    }
    const head = this.#expectsContent ? plainHead(bytes) : undefined
    this.#expectsContent = false
    if (head === undefined || head.bodyLength < minDivertedBytes) {
      return this.#socket.push(Buffer.from(bytes))
    }
    this.#body = new DivertedBody(this.#socket, head.bodyLength)
    const told = Buffer.from(bytes.subarray(0, head.headLength))
    told.fill('0', head.digits.start, head.digits.end)
    this.#isLent = this.#body.arrive(bytes.subarray(head.headLength), this.#buffer)
    this.#socket.push(told)
    return false
  }
}
