import type { Clock } from '@damselfly/core'
import {
  CompressionPolicy,
  maxSampleBytes,
  minSampleBytes,
  type PieceServerDeps,
  type ServedPiece,
  takeSample,
} from '@damselfly/transport'

/** No level packs faster than this on one core, so that a faster link never waits for a sample. */
const fastestLinkBytesPerSec = 400e6

export interface PiecePackerDeps {
  readonly clock: Clock
  /** Bytes per second that uploads may take: to whom that is the narrowest place, packing helps as on a slow link. */
  readonly limit: () => number
}

/** Decides how a piece travels: packed at some level, or plain. */
export function piecePacker({
  clock,
  limit,
}: PiecePackerDeps): NonNullable<PieceServerDeps['compress']> {
  const policy = new CompressionPolicy()
  return (piece, { taskId, bytesPerSec: measured }) => {
    const bytesPerSec = Math.min(measured ?? Number.POSITIVE_INFINITY, limit())
    if (bytesPerSec > fastestLinkBytesPerSec) return undefined
    if (policy.needsSample(taskId)) {
      const sample = sampleOf(piece)
      if (sample === undefined) return undefined
      policy.learn(taskId, takeSample(sample, { clock }))
    }
    return policy.level(taskId, bytesPerSec)
  }
}

/** `undefined` where it is too short to tell, or only to be had by waiting. */
function sampleOf(piece: ServedPiece): Uint8Array | undefined {
  if (piece.length < minSampleBytes) return undefined
  const buffer = Buffer.allocUnsafe(Math.min(maxSampleBytes, piece.length))
  const count = piece.read(buffer, 0)
  if (typeof count === 'number') return buffer.subarray(0, count)
  // Its owner reads it anyway; that this one fails is of no interest.
  count.catch(() => {})
  return undefined
}
