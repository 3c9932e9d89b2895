import type { Socket } from 'node:net'

/** Takes the bytes of a socket instead of Node's parser. Returns nothing: reading stops until `resume`. */
export type Taker = (bytes: Uint8Array, done: () => void) => void

const bufferBytes = 256 * 1024
const spare: Uint8Array[] = []
const maxSpare = 4

/**
 * Reads a TCP socket into large buffers that are used again, which costs half of what a new one of 64 KiB for each
 * read does.
 */
export class Intake {
  readonly #buffers = { current: takeBuffer(), isLent: false }
  #socket: Socket | undefined
  #taker: Taker | undefined

  /** For `net.connect`. */
  readonly onread = {
    buffer: (): Uint8Array => this.#buffer(),
    callback: (length: number, buffer: Uint8Array): boolean => this.#read(length, buffer),
  }

  attach(socket: Socket): void {
    this.#socket = socket
  }

  divert(taker: Taker | undefined): void {
    this.#taker = taker
  }

  /** Gives bytes to Node's parser. */
  parse(bytes: Uint8Array): boolean {
    return this.#socket?.push(bytes) ?? false
  }

  resume(): void {
    this.#socket?.resume()
  }

  #buffer(): Uint8Array {
    if (this.#buffers.isLent) {
      this.#buffers.current = takeBuffer()
      this.#buffers.isLent = false
    }
    return this.#buffers.current
  }

  #read(length: number, buffer: Uint8Array): boolean {
    const bytes = buffer.subarray(0, length)
    if (this.#taker === undefined) return this.parse(Buffer.from(bytes))
    this.#buffers.isLent = true
    this.#taker(bytes, () => {
      this.parse(bytes)
      if (spare.length < maxSpare) spare.push(buffer)
    })
    return false
  }
}

const takeBuffer = (): Uint8Array => spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)
