import { create } from '@bufbuild/protobuf'
import {
  type SyncPiecesRequest,
  type SyncPiecesResponse,
  SyncPiecesResponseSchema,
} from '@damselfly/api/dfdaemon'
import { AsyncQueue, asTaskId, DfError, pieceGeometry, pieceSpan } from '@damselfly/core'
import type { DaemonContext } from './context.ts'

/**
 * SyncPieces (interop.md 3.1): the interested pieces that are here, at once, then each as it arrives. Ends when all have been
 * told or nobody downloads the task here any more, so that a child never waits for pieces that will not come.
 */
export async function* syncPieces(
  { taskId, interestedPieceNumbers }: SyncPiecesRequest,
  { tasks, pieceAddress }: DaemonContext,
  signal: AbortSignal,
): AsyncGenerator<SyncPiecesResponse> {
  const live = tasks.get(asTaskId(taskId))
  if (live === undefined) {
    throw new DfError('TaskNotFound', `This host does not have task ${taskId}.`)
  }
  const { contentLength, pieceLength } = live.stored.spec
  const geometry = pieceGeometry(contentLength, pieceLength)
  const open = new Set(interestedPieceNumbers.filter((n) => n < geometry.pieceCount))
  const arrived = new AsyncQueue<number>(open.size)
  const close = (): void => arrived.close()
  const unlisten = live.listen({
    finished: ({ number }) => {
      if (open.has(number)) arrived.push(number)
    },
    inactive: close,
  })
  signal.addEventListener('abort', close, { once: true })
  const message = (number: number): SyncPiecesResponse => {
    const { offset, length } = pieceSpan(geometry, number)
    open.delete(number)
    // T7, T10: an IP literal and a TCP port always; offset and length as everybody computes them.
    return create(SyncPiecesResponseSchema, {
      number,
      offset: BigInt(offset),
      length: BigInt(length),
      ...pieceAddress(),
    })
  }
  try {
    for (const number of [...open]) if (live.has(number)) yield message(number)
    if (!live.isActive) close()
    if (open.size === 0) return
    for await (const number of arrived) {
      if (open.has(number)) yield message(number)
      if (open.size === 0) return
    }
  } finally {
    unlisten()
    signal.removeEventListener('abort', close)
  }
}
