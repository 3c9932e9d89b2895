import { type Clock, type PieceGeometry, pieceSpan } from '@damselfly/core'
import type { SourceBody } from '@damselfly/sources'

/** Where the bytes of one piece go. */
export interface CutSink {
  write(chunk: Uint8Array): void | Promise<void>
  /** All bytes of the piece have been written. */
  complete(costMs: number): void | Promise<void>
  /** The body ended or failed before. Safe after `complete`. A promise resolves when nothing is written any more. */
  abandon(): void | Promise<void>
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
  let piece = Math.floor(body.start / geometry.pieceLength)
  let sink = await firstSink(body, piece, target)
  if (sink === 'end') return
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
    if (typeof sink === 'object') await sink.abandon()
  }
}

/** A body of which nothing is wanted, or that nobody can take, is left at once. */
async function firstSink(
  body: SourceBody,
  piece: number,
  target: CutTarget,
): Promise<CutSink | 'skip' | 'end'> {
  let sink: CutSink | 'skip' | 'end' = 'end'
  try {
    if (await target.begins(body.start)) sink = await target.open(piece)
    return sink
  } finally {
    if (sink === 'end') await body.bytes[Symbol.asyncIterator]().return?.()
  }
}
