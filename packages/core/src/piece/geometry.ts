import { DfError } from '../errors/df-error.ts'
import type { ByteRange } from './byte-range.ts'

/** How a task is cut into pieces. Peers never exchange it: everybody computes the same (interop.md 5.5). */
export interface PieceGeometry {
  readonly contentLength: number
  /** Length of every piece but the last, in bytes. */
  readonly pieceLength: number
  readonly pieceCount: number
}

export interface PieceSpan {
  /** Offset in the task, in bytes. */
  readonly offset: number
  readonly length: number
}

/** Piece numbers from `first` up to, not including, `end`. */
export interface PieceInterval {
  readonly first: number
  readonly end: number
}

export const MIN_PIECE_LENGTH = 4 * 1024 * 1024
export const MAX_PIECE_LENGTH = 64 * 1024 * 1024
/** Piece lengths double until a task has no more pieces than this, or the greatest length is reached. */
export const TARGET_PIECE_COUNT = 500

/** The piece length of a task whose request names none. */
export function defaultPieceLength(contentLength: number): number {
  const atLeast = Math.floor(contentLength / TARGET_PIECE_COUNT)
  let pieceLength = MIN_PIECE_LENGTH
  while (pieceLength < atLeast && pieceLength < MAX_PIECE_LENGTH) pieceLength *= 2
  return pieceLength
}

/** Lets through a piece length that a request may name: 4 to 64 MiB; simulations may allow less. */
export function checkPieceLength(pieceLength: number, atLeast: number = MIN_PIECE_LENGTH): number {
  if (Number.isInteger(pieceLength) && pieceLength >= atLeast && pieceLength <= MAX_PIECE_LENGTH) {
    return pieceLength
  }
  throw new DfError(
    'InvalidArgument',
    `The piece length must be between 4 MiB and 64 MiB, not ${pieceLength} bytes.`,
    { details: { pieceLength } },
  )
}

/**
 * Cuts `contentLength` bytes. A given piece length is used as it is: `checkPieceLength` belongs to the edges,
 * so that tests and simulations can have small pieces.
 */
export function pieceGeometry(contentLength: number, pieceLength?: number): PieceGeometry {
  if (!Number.isSafeInteger(contentLength) || contentLength < 0) {
    throw new DfError('InvalidArgument', `A content length cannot be ${contentLength}.`)
  }
  const length = pieceLength ?? defaultPieceLength(contentLength)
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new DfError('InvalidArgument', `A piece length cannot be ${length}.`)
  }
  return { contentLength, pieceLength: length, pieceCount: Math.ceil(contentLength / length) }
}

/** Where a piece lies in its task. */
export function pieceSpan(geometry: PieceGeometry, number: number): PieceSpan {
  const { contentLength, pieceLength, pieceCount } = geometry
  if (!Number.isInteger(number) || number < 0 || number >= pieceCount) {
    throw new DfError('InvalidArgument', `There is no piece ${number} among ${pieceCount}.`, {
      details: { number, pieceCount },
    })
  }
  const offset = number * pieceLength
  return { offset, length: Math.min(pieceLength, contentLength - offset) }
}

/** The pieces that hold any byte of `range`; all without one. What lies behind the content does not count. */
export function piecesOverlapping(geometry: PieceGeometry, range?: ByteRange): PieceInterval {
  const { contentLength, pieceLength, pieceCount } = geometry
  if (range === undefined) return { first: 0, end: pieceCount }
  const { start, length } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 0) {
    throw new DfError('InvalidArgument', `${length} bytes from ${start} are not a range.`)
  }
  const end = Math.min(start + length, contentLength)
  if (end <= start) return { first: 0, end: 0 }
  return { first: Math.floor(start / pieceLength), end: Math.ceil(end / pieceLength) }
}
