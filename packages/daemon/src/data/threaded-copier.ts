import { DfError, isDfError, linkSignals, pieceGeometry, piecesOverlapping } from '@damselfly/core'
import {
  type ContentCopier,
  type ContentCopy,
  placeWithin,
  type StoredTask,
} from '@damselfly/storage'
import type { PieceCopy } from '@damselfly/storage/place'

/** While one piece is being copied the next is on its way to a thread. More would leave no thread to who receives. */
const lanes = 2

/** Has a thread copy bytes of one piece. */
export type CopyOnThread = (piece: PieceCopy) => Promise<void>

/** Copies content on threads, which read it where it lies and do other work between its pieces. */
export function threadedCopier(stored: StoredTask, onThread: CopyOnThread): ContentCopier {
  return async (copy, signal) => {
    const { contentLength, pieceLength } = stored.spec
    const { first, end } = piecesOverlapping(pieceGeometry(contentLength, pieceLength), copy.range)
    using failed = linkSignals(signal)
    let next = first
    const lane = async (): Promise<void> => {
      try {
        while (next < end) {
          failed.signal.throwIfAborted()
          next += 1
          await copyPiece(stored, next - 1, copy, onThread)
        }
      } catch (error) {
        failed.abort(error)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    failed.signal.throwIfAborted()
  }
}

async function copyPiece(
  stored: StoredTask,
  number: number,
  copy: ContentCopy,
  onThread: CopyOnThread,
): Promise<void> {
  const record = stored.piece(number)
  if (record === undefined) throw missing(stored, number)
  const { offset, length, seal } = record
  const span = { offset, length }
  const part = within(span, copy.range)
  try {
    await onThread({
      place: placeWithin(stored.place, span),
      span,
      part: { offset: part.start - offset, length: part.length },
      to: { path: copy.path, offset: part.start - copy.range.start, name: copy.name },
      ...(seal === undefined ? {} : { seal }),
    })
  } catch (error) {
    if (!isDfError(error, 'PieceCorrupt') && !isDfError(error, 'DiskFailed')) throw error
    // It has moved, or was deleted meanwhile, which the store copes with; or it is bad, which the store has to know.
    await copy.copyHere(part)
  }
}

/** The bytes of the piece that are wanted, as a range of the content. */
function within(
  { offset, length }: PieceCopy['span'],
  range: ContentCopy['range'],
): ContentCopy['range'] {
  const start = Math.max(offset, range.start)
  return { start, length: Math.min(offset + length, range.start + range.length) - start }
}

function missing({ spec }: StoredTask, number: number): DfError {
  const message = `Piece ${number} of task ${spec.taskId} is not in the store.`
  return new DfError('PieceNotFound', message, { details: { taskId: spec.taskId, number } })
}
