import { parseCrc32 } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { PieceRecord, StoredTask } from '@damselfly/storage'
import type { HeldRecord } from './piece-authority-stream.ts'

/** The digests of the pieces that are here, for a scheduler that may not know them (any more). */
export function* heldPieces(stored: StoredTask): Generator<HeldRecord> {
  for (const number of stored.have.setBits()) {
    const record = stored.piece(number)
    if (record !== undefined) yield { number, digests: digestsOf(record), fromOrigin: false }
  }
}

export function digestsOf({ digest, blake3 }: PieceRecord): PieceDigests {
  return { crc32: parseCrc32(digest) ?? 0, blake3 }
}
