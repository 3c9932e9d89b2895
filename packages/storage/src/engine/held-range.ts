import { type Bitset, DfError, type PieceGeometry, piecesOverlapping } from '@damselfly/core'
import type { TaskSpec } from '../store.ts'

/** How many bytes can be read at `offset`. Throws `InvalidArgument` outside the content. */
export function readableLength(spec: TaskSpec, offset: number, wanted: number): number {
  const { contentLength, taskId } = spec
  if (Number.isSafeInteger(offset) && offset >= 0 && offset <= contentLength) {
    return Math.min(wanted, contentLength - offset)
  }
  const message = `Offset ${offset} is outside the ${contentLength} bytes of task ${taskId}.`
  throw new DfError('InvalidArgument', message)
}

/** Throws `PieceNotFound` when a piece of the range is missing. */
export function checkHeld(
  taskId: string,
  have: Bitset,
  geometry: PieceGeometry,
  range: { readonly start: number; readonly length: number },
): void {
  const { first, end } = piecesOverlapping(geometry, range)
  if (have.containsAll(first, end)) return
  const missing = have.firstUnset(first)
  const message = `Piece ${missing} of task ${taskId} is not in the store.`
  throw new DfError('PieceNotFound', message, { details: { taskId, number: missing } })
}
