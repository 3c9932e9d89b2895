import type { Socket } from 'node:net'
import { giveBuffer } from './read-buffers.ts'

interface Chunk {
  readonly bytes: Uint8Array
  /** Lent by the reading end of the connection. */
  readonly buffer?: Uint8Array
}

/** A body between a connection and its reader. Reading pauses with each chunk, until the next one is asked for. */
export class DivertedBody {
  readonly length: number
  readonly #socket: Socket
  readonly #chunks: Chunk[] = []
  /** What the reader is looking at. */
  #held: Chunk | undefined
  #missing: number
  #isClosed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket, length: number) {
    this.#socket = socket
    this.length = length
    this.#missing = length
    socket.once('close', this.#close)
  }

  /**
   * `bytes` came, in `buffer`. Returns whether the buffer is lent. A socket may bring more after it was told to pause
   * (TLS decrypts a few records at once); this is copied, so that not every little bit keeps a buffer.
   */
  arrive(bytes: Uint8Array, buffer: Uint8Array): boolean {
    const wanted = bytes.subarray(0, this.#missing)
    this.#missing -= wanted.length
    // More than was announced: the connection is of no use any more, what came before still is.
    if (wanted.length < bytes.length) this.#socket.destroy()
    if (wanted.length === 0) return false
    const isLent = this.#chunks.length === 0
    this.#chunks.push(isLent ? { bytes: wanted, buffer } : { bytes: Buffer.from(wanted) })
    this.#wakeUp()
    return isLent
  }

  /** The next chunk, valid until the next call; `undefined` when the connection is closed. */
  async next(): Promise<Uint8Array | undefined> {
    this.#giveBack()
    while (this.#chunks.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        this.#socket.resume()
      })
    }
    this.#held = this.#chunks.shift()
    return this.#held?.bytes
  }

  /** Everything has been read; the connection goes to somebody else. */
  release(): void {
    this.#giveBack()
    this.#socket.off('close', this.#close)
  }

  #giveBack(): void {
    if (this.#held?.buffer !== undefined) giveBuffer(this.#held.buffer)
    this.#held = undefined
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
