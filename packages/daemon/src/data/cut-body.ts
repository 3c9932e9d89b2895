import { type Clock, type PieceGeometry, pieceSpan } from '@damselfly/core'
import type { SourceBody } from '@damselfly/sources'

/** Where the bytes of one piece go. */
export interface CutSink {
  write(chunk: Uint8Array): void | Promise<void>
  /** All bytes of the piece have been written. */
  complete(costMs: number): void | Promise<void>
  /** The body ended or failed before. Safe after `complete`. */
  abandon(): void
}

export interface CutTarget {
  begins(start: number): boolean | Promise<boolean>
  open(piece: number): Promise<CutSink | 'skip' | 'end'>
}

/** Cuts a body into pieces, in order, and leaves it as soon as nothing more of it is wanted. */
export async function cutBody(
  body: SourceBody,
  geometry: PieceGeometry,
  target: CutTarget,
  clock: Clock,
): Promise<void> {
  const isWanted = await target.begins(body.start)
  let piece = Math.floor(body.start / geometry.pieceLength)
  let sink = isWanted ? await target.open(piece) : 'end'
  if (sink === 'end') {
    await body.bytes[Symbol.asyncIterator]().return?.()
    return
  }
  let position = body.start
  let startedAt = clock.monotonic()
  try {
    for await (const chunk of body.bytes) {
      for (let rest = chunk; rest.byteLength > 0; ) {
        const { offset, length } = pieceSpan(geometry, piece)
        const left = offset + length - position
        const part = rest.subarray(0, left)
        rest = rest.subarray(part.byteLength)
        position += part.byteLength
        if (sink !== 'skip') await sink.write(part)
        if (part.byteLength < left) continue
        const now = clock.monotonic()
        if (sink !== 'skip') await sink.complete(now - startedAt)
        startedAt = now
        piece += 1
        if (piece === geometry.pieceCount) return
        sink = await target.open(piece)
        if (sink === 'end') return
      }
    }
  } finally {
    if (typeof sink === 'object') sink.abandon()
  }
}
