import { DfError, type PieceGeometry, pieceSpan, piecesOverlapping } from '@damselfly/core'
import { isSameBlake3, PieceHasher } from '@damselfly/core/hashing'
import type { Content } from '../media/medium.ts'
import { unseal } from '../place/piece-cipher.ts'
import type { PieceRecord } from '../store.ts'
import type { UnsealedPieces } from './unsealed-pieces.ts'

/** One call reads no more: other work gets its turn in between. */
const maxReadBytes = 1024 * 1024

/** What is read. */
export interface ReadPieces {
  readonly content: Content
  readonly geometry: PieceGeometry
  /** The task's number. */
  readonly row: number
  piece(number: number): PieceRecord | undefined
}

/** The content ends before these pieces do. */
export class CutOff extends Error {
  readonly pieces: readonly number[]
  readonly endOffset: number

  constructor(pieces: readonly number[], endOffset: number) {
    super(`The content was cut to ${endOffset} bytes.`)
    this.pieces = pieces
    this.endOffset = endOffset
  }
}

/** A sealed piece does not open. */
export class Unopened extends Error {
  readonly piece: number

  constructor(piece: number) {
    super(`Piece ${piece} does not open.`)
    this.piece = piece
  }
}

/** Fills `buffer` with the plain bytes at `offset`, all of them. Throws `CutOff`, `Unopened` or what the content throws. */
export async function readPlain(
  from: ReadPieces,
  buffer: Uint8Array,
  offset: number,
  unsealed: UnsealedPieces,
): Promise<void> {
  if (from.content.key === undefined) {
    await readRaw(from, buffer, offset)
    return
  }
  const { first, end } = piecesOverlapping(from.geometry, {
    start: offset,
    length: buffer.byteLength,
  })
  for (let number = first; number < end; number++) {
    const plain = unsealed.get(from.row, number) ?? (await openPiece(from, number))
    unsealed.set(from.row, number, plain)
    const at = pieceSpan(from.geometry, number).offset - offset
    const part = plain.subarray(Math.max(0, -at), buffer.byteLength - at)
    buffer.set(part, Math.max(0, at))
  }
}

/** Whether the bytes of a piece are those that were recorded. */
export async function isIntact(from: ReadPieces, record: PieceRecord): Promise<boolean> {
  try {
    const hasher = new PieceHasher()
    if (from.content.key === undefined) {
      const { offset, length } = record
      const buffer = new Uint8Array(Math.min(length, maxReadBytes))
      for (let done = 0; done < length; done += buffer.byteLength) {
        const part = buffer.subarray(0, length - done)
        await readRaw(from, part, offset + done)
        hasher.update(part)
      }
    } else {
      hasher.update(await openPiece(from, record.number))
    }
    return isSameBlake3(hasher.finish().blake3, record.blake3)
  } catch (error) {
    if (error instanceof CutOff || error instanceof Unopened) return false
    throw error
  }
}

async function openPiece(from: ReadPieces, number: number): Promise<Uint8Array> {
  const { offset, length } = pieceSpan(from.geometry, number)
  const sealed = new Uint8Array(length)
  await readRaw(from, sealed, offset)
  const seal = from.piece(number)?.seal
  const { key } = from.content
  const plain = seal === undefined || key === undefined ? undefined : unseal(sealed, key, seal)
  if (plain === undefined) throw new Unopened(number)
  return plain
}

async function readRaw(
  { content, geometry }: ReadPieces,
  buffer: Uint8Array,
  offset: number,
): Promise<void> {
  const count = await content.read(buffer, offset)
  if (count === buffer.byteLength) return
  const length = buffer.byteLength - count
  const { first, end } = piecesOverlapping(geometry, { start: offset + count, length })
  const pieces = Array.from({ length: end - first }, (_, i) => first + i)
  throw new CutOff(pieces, offset + count)
}

/** What a reader is told of a failure; our own errors pass. */
export function readFailure(error: unknown, taskId: string): unknown {
  const details = { taskId }
  if (error instanceof CutOff) {
    const message = `Reading task ${taskId} failed: its content was cut to ${error.endOffset} bytes. The pieces behind have been dropped and will be fetched again.`
    return new DfError('DiskFailed', message, { details })
  }
  if (error instanceof Unopened) {
    const message = `Piece ${error.piece} of task ${taskId} is sealed and does not open: its bytes were changed, or the key is another. It has been dropped and will be fetched again.`
    return new DfError('PieceCorrupt', message, { details: { ...details, number: error.piece } })
  }
  return error
}
