import { Crc32 } from '@damselfly/core'
import type { PieceSeal } from '../place/content-place.ts'

/** Pieces whose facts are one row. */
export const blockPieces = 64

/** The facts of a piece as they are stored. */
export interface PieceRow {
  readonly number: number
  readonly crc32: number
  /** 32 bytes. */
  readonly blake3: Uint8Array
  /** Number of the parent within the task; 0 is the origin. */
  readonly parent: number
  readonly traffic: number
  readonly costMs: number
  readonly createdAt: number
  readonly seal?: PieceSeal
}

const blake3At = 21
const nonceAt = blake3At + 32
const tagAt = nonceAt + 12
const plainEntryBytes = nonceAt
const sealedEntryBytes = tagAt + 16
const bitmapBytes = blockPieces / 8

/**
 * The facts of up to 64 neighbouring pieces in one string of bytes: a bitmap of those that are held, then one entry for each
 * of them in ascending order (docs/store-format.md). Never changed: a piece more or less is another block.
 */
export class PieceBlock {
  readonly bytes: Uint8Array
  readonly #entryBytes: number

  private constructor(bytes: Uint8Array, entryBytes: number) {
    this.bytes = bytes
    this.#entryBytes = entryBytes
  }

  static empty(isSealed: boolean): PieceBlock {
    return new PieceBlock(new Uint8Array(bitmapBytes), entryBytesOf(isSealed))
  }

  /** `undefined` when the length does not fit the bitmap. */
  static from(bytes: Uint8Array, isSealed: boolean): PieceBlock | undefined {
    if (bytes.byteLength < bitmapBytes) return undefined
    const block = new PieceBlock(bytes, entryBytesOf(isSealed))
    const expected = bitmapBytes + block.#rank(blockPieces) * block.#entryBytes
    return bytes.byteLength === expected ? block : undefined
  }

  /** Whether the piece with this index in the block (0 to 63) is held. */
  has(index: number): boolean {
    return ((this.bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0
  }

  /** The highest index that is held; -1 without pieces. */
  get last(): number {
    for (let index = blockPieces - 1; index >= 0; index--) if (this.has(index)) return index
    return -1
  }

  get isEmpty(): boolean {
    return this.bytes.byteLength === bitmapBytes
  }

  /** When the newest piece came. */
  get lastCreatedAt(): number {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    let last = 0
    for (let at = bitmapBytes; at < this.bytes.byteLength; at += this.#entryBytes) {
      last = Math.max(last, view.getFloat64(at + 13, true))
    }
    return last
  }

  piece(number: number): PieceRow | undefined {
    const index = number % blockPieces
    if (!this.has(index)) return undefined
    const at = bitmapBytes + this.#rank(index) * this.#entryBytes
    const entry = this.bytes.slice(at, at + this.#entryBytes)
    const view = new DataView(entry.buffer)
    const facts = {
      number,
      crc32: view.getUint32(0, true),
      parent: view.getUint32(4, true),
      costMs: view.getUint32(8, true),
      traffic: view.getUint8(12),
      createdAt: view.getFloat64(13, true),
      blake3: entry.subarray(blake3At, nonceAt),
    }
    if (this.#entryBytes === plainEntryBytes) return facts
    const seal = { nonce: entry.subarray(nonceAt, tagAt), tag: entry.subarray(tagAt) }
    return { ...facts, seal }
  }

  /** The block with this piece, which replaces an earlier record of it. */
  with(piece: PieceRow): PieceBlock {
    const index = piece.number % blockPieces
    if (this.has(index)) return this.without(piece.number).with(piece)
    const at = bitmapBytes + this.#rank(index) * this.#entryBytes
    const bytes = new Uint8Array(this.bytes.byteLength + this.#entryBytes)
    bytes.set(this.bytes.subarray(0, at))
    bytes.set(this.bytes.subarray(at), at + this.#entryBytes)
    bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) | (1 << (index & 7))
    writeEntry(bytes, at, piece)
    return new PieceBlock(bytes, this.#entryBytes)
  }

  without(number: number): PieceBlock {
    const index = number % blockPieces
    if (!this.has(index)) return this
    const at = bitmapBytes + this.#rank(index) * this.#entryBytes
    const bytes = new Uint8Array(this.bytes.byteLength - this.#entryBytes)
    bytes.set(this.bytes.subarray(0, at))
    bytes.set(this.bytes.subarray(at + this.#entryBytes), at)
    bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) & ~(1 << (index & 7))
    return new PieceBlock(bytes, this.#entryBytes)
  }

  /** How many pieces before `index` are held. */
  #rank(index: number): number {
    let count = 0
    for (let byte = 0; byte < index >>> 3; byte++) count += bitCounts[this.bytes[byte] ?? 0] ?? 0
    const rest = index & 7
    if (rest !== 0) count += bitCounts[(this.bytes[index >>> 3] ?? 0) & ((1 << rest) - 1)] ?? 0
    return count
  }
}

const checkKey = new Float64Array(2)
const checkKeyBytes = new Uint8Array(checkKey.buffer)

/** Tells a row that a bit of which has flipped; SQLite does not look. */
export function blockCheck(task: number, number: number, bytes: Uint8Array): number {
  checkKey[0] = task
  checkKey[1] = number
  return new Crc32().update(checkKeyBytes).update(bytes).value
}

function writeEntry(bytes: Uint8Array, at: number, piece: PieceRow): void {
  const view = new DataView(bytes.buffer)
  view.setUint32(at, piece.crc32, true)
  view.setUint32(at + 4, piece.parent, true)
  view.setUint32(at + 8, piece.costMs, true)
  view.setUint8(at + 12, piece.traffic)
  view.setFloat64(at + 13, piece.createdAt, true)
  bytes.set(piece.blake3, at + blake3At)
  if (piece.seal === undefined) return
  bytes.set(piece.seal.nonce, at + nonceAt)
  bytes.set(piece.seal.tag, at + tagAt)
}

const entryBytesOf = (isSealed: boolean): number => (isSealed ? sealedEntryBytes : plainEntryBytes)

const bitCounts = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1
  return count
})
