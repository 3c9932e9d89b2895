import { DfError } from '@damselfly/core'
import { type PieceDigests, PieceHasher } from '@damselfly/core/hashing'
import type { PieceSeal, PlacedSpan } from './content-place.ts'
import type { DirectWriter, OpenPlace } from './open-place.ts'
import { PieceSealer } from './piece-cipher.ts'

/** One call of the system writes no more: larger writes to fresh pages are three times slower per byte. */
const maxWriteBytes = 1024 * 1024

/** What the store has to know of a piece that was written past it. */
export interface FinishedPiece {
  /** Of the plain bytes. */
  readonly digests: PieceDigests
  readonly seal?: PieceSeal
}

/**
 * Writes one piece to its place and hashes it meanwhile; for a worker thread that the piece was reserved for. Nothing counts
 * until the reservation is committed with what `finish` gives. Giving up needs no call: stop writing, close the place and
 * wait for that, then abort the reservation.
 */
export class PlacedPieceWriter {
  readonly #open: OpenPlace
  readonly #span: PlacedSpan
  readonly #hasher = new PieceHasher()
  readonly #sealer: PieceSealer | undefined
  readonly #direct: DirectWriter | undefined
  #written = 0

  constructor(open: OpenPlace, span: PlacedSpan) {
    this.#open = open
    this.#span = span
    this.#sealer = open.key === undefined ? undefined : new PieceSealer(open.key)
    this.#direct = open.directWriter?.(span)
  }

  /** Bytes written so far. */
  get written(): number {
    return this.#written
  }

  /**
   * The chunk may be reused at once. Errors: `PeerProtocol` (more bytes than the piece has), `DiskFull`, `DiskFailed`, which
   * may be those of an earlier chunk.
   */
  write(chunk: Uint8Array): void {
    const { length } = this.#span
    if (chunk.byteLength > length - this.#written) {
      const message = `The sender sent more than the ${length} bytes of the piece.`
      throw new DfError('PeerProtocol', message, { details: { length } })
    }
    for (let start = 0; start < chunk.byteLength; start += maxWriteBytes) {
      this.#writePart(chunk.subarray(start, start + maxWriteBytes))
    }
  }

  /** Set while the disk is behind; resolves when it has room again. Who writes on regardless fills the memory. */
  ready(): Promise<void> | undefined {
    return this.#direct?.ready()
  }

  /**
   * All bytes are here: what they hash to. Resolves when they are written. Errors: `PeerProtocol` (fewer than the piece has),
   * `DiskFull`, `DiskFailed`.
   */
  async finish(): Promise<FinishedPiece> {
    const { length } = this.#span
    if (this.#written !== length) {
      const message = `The sender sent ${this.#written} of the ${length} bytes of the piece.`
      throw new DfError('PeerProtocol', message, { details: { length, sent: this.#written } })
    }
    const written = this.#direct?.finish()
    if (this.#direct === undefined) this.#open.wrote?.(this.#span)
    const digests = this.#hasher.finish()
    const seal = this.#sealer?.finish()
    if (written !== undefined) await written
    return seal === undefined ? { digests } : { digests, seal }
  }

  #writePart(part: Uint8Array): void {
    this.#hasher.update(part)
    const bytes = this.#sealer?.update(part) ?? part
    if (this.#direct === undefined) this.#open.write(bytes, this.#span.offset + this.#written)
    else this.#direct.write(bytes)
    this.#written += part.byteLength
  }
}
