import { DfError } from '@damselfly/core'
import {
  decodeFrameHeader,
  decodeKeptRequest,
  decodeRequest,
  frameHeaderBytes,
  type KeptRequest,
} from './codec.ts'
import type { TaskFamily } from './piece.ts'

export interface PieceAsked {
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
  /** The child is one of our own and may ask for more on this connection. */
  readonly kept?: KeptRequest | undefined
}

/**
 * Takes requests out of what a socket brings. Dragonfly's children send one per connection, our own any number; whoever
 * pushes stops when `size` gets large.
 */
export class RequestReader {
  #bytes: Uint8Array = empty
  /** Dragonfly's only request has been read. */
  #isSingle = false

  /** Bytes that have not become a request yet. */
  get size(): number {
    return this.#bytes.byteLength
  }

  push(chunk: Uint8Array): void {
    this.#bytes = this.size === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
  }

  /** The next request when it is complete. Throws `PeerProtocol` as early as it can be known. */
  next(): PieceAsked | undefined {
    if (this.#isSingle && this.size > 0) throw tooMany()
    if (this.size < frameHeaderBytes) return undefined
    const frame = decodeFrameHeader(this.#bytes.subarray(0, frameHeaderBytes))
    if (frame.type !== 'request' && frame.type !== 'keptRequest') {
      throw broken(`sends a frame of type ${frame.type} instead of a request`)
    }
    const end = frameHeaderBytes + frame.length
    if (frame.type === 'request' && this.size > end) throw tooMany()
    if (this.size < end) return undefined
    const value = this.#bytes.subarray(frameHeaderBytes, end)
    this.#bytes = this.#bytes.subarray(end)
    const { family } = frame
    if (frame.type === 'request') {
      this.#isSingle = true
      return { family, ...decodeRequest(value) }
    }
    const { taskId, number, ...kept } = decodeKeptRequest(value)
    return { family, taskId, number, kept }
  }
}

const empty = new Uint8Array(0)

const tooMany = (): DfError => broken('sends more than one request on a connection')

const broken = (what: string): DfError => new DfError('PeerProtocol', `The peer ${what}.`)
