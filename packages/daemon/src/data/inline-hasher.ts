import { DfError, type DigestAlgorithm } from '@damselfly/core'
import { createAnyHasher } from '@damselfly/core/hashing'
import type { ContentHasher } from './data-plane.ts'

const bufferBytes = 1 << 20

/** Hashes content on the calling thread, through the store's own reads. */
export function inlineHasher(algorithm: DigestAlgorithm): ContentHasher {
  const hasher = createAnyHasher(algorithm)
  return {
    async update(stored, number, signal) {
      const record = stored.piece(number)
      if (record === undefined) throw missing(number)
      const buffer = Buffer.allocUnsafe(Math.min(bufferBytes, record.length))
      for (let done = 0; done < record.length; ) {
        signal.throwIfAborted()
        const part = buffer.subarray(0, record.length - done)
        const count = await stored.read(part, record.offset + done)
        hasher.update(part.subarray(0, count))
        done += count
      }
    },
    digest: async () => hasher.digest(),
    [Symbol.dispose]: () => {},
  }
}

function missing(number: number): DfError {
  return new DfError('PieceNotFound', `Piece ${number} is not here to be hashed.`)
}
