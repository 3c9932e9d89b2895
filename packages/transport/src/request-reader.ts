import { DfError } from '@damselfly/core'
import { decodeFrameHeader, decodeRequest, frameHeaderBytes, requestValueBytes } from './codec.ts'
import type { TaskFamily } from './piece.ts'

export interface PieceAsked {
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
}

const requestBytes = frameHeaderBytes + requestValueBytes

/** Puts a request together from what a socket brings. Throws `PeerProtocol` as early as it can be known. */
export class RequestReader {
  readonly #bytes = new Uint8Array(requestBytes)
  #size = 0

  /** Returns the request when it is complete. */
  push(chunk: Uint8Array): PieceAsked | undefined {
    if (this.#size + chunk.byteLength > requestBytes) {
      throw new DfError('PeerProtocol', 'The peer sends more than one request on a connection.')
    }
    this.#bytes.set(chunk, this.#size)
    this.#size += chunk.byteLength
    if (this.#size < frameHeaderBytes) return undefined
    const frame = decodeFrameHeader(this.#bytes.subarray(0, frameHeaderBytes))
    if (frame.type !== 'request') {
      throw new DfError(
        'PeerProtocol',
        `The peer sends a frame of type ${frame.type} instead of a request.`,
      )
    }
    if (this.#size < requestBytes) return undefined
    return { family: frame.family, ...decodeRequest(this.#bytes.subarray(frameHeaderBytes)) }
  }
}
