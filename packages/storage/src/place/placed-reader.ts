import { DfError } from '@damselfly/core'
import type { PieceSeal, PlacedSpan } from './content-place.ts'
import type { OpenPlace } from './open-place.ts'
import { PieceBuffers } from './piece-buffers.ts'
import { unseal } from './piece-cipher.ts'

/** Of this thread. */
const buffers = new PieceBuffers()

/**
 * Reads one piece from its place. A sealed piece is opened as a whole by the first read and held until its end has been read:
 * no byte of it leaves before its tag has been checked.
 */
export class PlacedPieceReader {
  readonly #open: OpenPlace
  readonly #span: PlacedSpan
  readonly #seal: PieceSeal | undefined
  #plain: Uint8Array | undefined

  constructor(open: OpenPlace, span: PlacedSpan, seal?: PieceSeal) {
    this.#open = open
    this.#span = span
    this.#seal = seal
  }

  /**
   * Reads up to the end of the piece; returns how many bytes were read. Errors: `PieceCorrupt` (a sealed piece that does not
   * open: drop it), `DiskFailed` (also a file that was cut), `InvalidArgument` for an offset outside the piece.
   */
  read(buffer: Uint8Array, offsetInPiece: number): number {
    const { offset, length } = this.#span
    if (!Number.isInteger(offsetInPiece) || offsetInPiece < 0 || offsetInPiece > length) {
      const message = `Offset ${offsetInPiece} is outside the ${length} bytes of the piece.`
      throw new DfError('InvalidArgument', message)
    }
    const wanted = buffer.subarray(0, length - offsetInPiece)
    if (this.#open.key !== undefined) {
      this.#plain ??= this.#unsealed(this.#open.key)
      const end = offsetInPiece + wanted.byteLength
      wanted.set(this.#plain.subarray(offsetInPiece, end))
      if (end === length) this.#forget()
      return wanted.byteLength
    }
    this.#readAll(wanted, offset + offsetInPiece)
    return wanted.byteLength
  }

  #unsealed(key: Uint8Array): Uint8Array {
    const piece = buffers.take(this.#span.length)
    this.#readAll(piece, this.#span.offset)
    const plain = this.#seal === undefined ? undefined : unseal(piece, key, this.#seal)
    if (plain !== undefined) return plain
    throw new DfError(
      'PieceCorrupt',
      `The sealed piece at ${this.#span.offset} does not open: its bytes were changed, or the key is another.`,
      { details: { offset: this.#span.offset } },
    )
  }

  /** Pieces are read from front to back; who comes again opens it again. */
  #forget(): void {
    if (this.#plain !== undefined) buffers.give(this.#plain)
    this.#plain = undefined
  }

  #readAll(buffer: Uint8Array, offset: number): void {
    const count = this.#open.read(buffer, offset)
    if (count === buffer.byteLength) return
    throw new DfError(
      'DiskFailed',
      `The content ends at byte ${offset + count}, ${buffer.byteLength - count} bytes too early: it was cut.`,
      { details: { offset, count } },
    )
  }
}
