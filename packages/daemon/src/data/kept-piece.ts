import { DfError, pieceGeometry, pieceSpan } from '@damselfly/core'
import { type PieceDigests, PieceHasher } from '@damselfly/core/hashing'
import type { PieceFacts, PieceRecord, StoredTask } from '@damselfly/storage'
import type { PieceSink } from '@damselfly/transport'

/**
 * A piece in memory, while another copy of it is on its way to its place in the store: a place has one writer at a time, so
 * the second copy waits beside it until it has won. Few pieces are fetched twice; no thread is worth it.
 */
export class KeptPiece implements PieceSink {
  readonly #stored: StoredTask
  readonly #number: number
  readonly #hasher = new PieceHasher()
  #bytes: Uint8Array
  #written = 0
  #digests: PieceDigests | undefined

  constructor(stored: StoredTask, number: number) {
    const { contentLength, pieceLength } = stored.spec
    this.#stored = stored
    this.#number = number
    this.#bytes = new Uint8Array(
      pieceSpan(pieceGeometry(contentLength, pieceLength), number).length,
    )
  }

  /** The sender gives exactly the bytes of the piece, see `PeerLinks.fetch`. */
  write(chunk: Uint8Array): void {
    this.#bytes.set(chunk, this.#written)
    this.#hasher.update(chunk)
    this.#written += chunk.byteLength
  }

  /** After the last byte. */
  get digests(): PieceDigests {
    this.#digests ??= this.#hasher.finish()
    return this.#digests
  }

  /** Errors: those of `StoredTask.writePiece` (somebody writes to the place, or has written) and of `PieceWriter`. */
  async commit(facts: PieceFacts): Promise<PieceRecord> {
    if (this.#written === 0) throw new DfError('PeerProtocol', 'The piece has been given up.')
    const writer = this.#stored.writePiece(this.#number)
    try {
      await writer.write(this.#bytes)
      return await writer.commit(facts)
    } catch (error) {
      writer.abort()
      throw error
    } finally {
      this.abort()
    }
  }

  abort(): void {
    this.#bytes = new Uint8Array(0)
    this.#written = 0
  }
}
