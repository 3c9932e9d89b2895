import { DfError, type DigestAlgorithm } from '@damselfly/core'
import { createAnyHasher } from '@damselfly/core/hashing'
import { placeWithin } from '@damselfly/storage'
import type { ContentHasher } from './data-plane.ts'
import type { ThreadCalls } from './thread-calls.ts'
import type { ReceiveMethods } from './thread-methods.ts'

let lastSession = 0

/** Hashes content on a thread, which reads it where it lies. */
export function threadedHasher(
  algorithm: DigestAlgorithm,
  calls: ThreadCalls<ReceiveMethods>,
): ContentHasher {
  lastSession += 1
  const session = lastSession
  let isOpen = true
  let lease: Disposable | undefined
  return {
    async update(stored, number, signal) {
      const record = stored.piece(number)
      if (record === undefined) {
        throw new DfError('PieceNotFound', `Piece ${number} is not here to be hashed.`)
      }
      const { offset, length, seal } = record
      const span = { offset, length }
      // Until it is disposed a thread may read, though whoever asked has left.
      lease ??= stored.lease()
      const spot = { place: placeWithin(stored.place, span), span }
      const argument = { session, algorithm, ...spot, ...(seal === undefined ? {} : { seal }) }
      await calls.call('hash', argument, signal)
    },
    async digest() {
      isOpen = false
      return (await calls.call('digest', session)) ?? createAnyHasher(algorithm).digest()
    },
    [Symbol.dispose]() {
      if (isOpen) calls.tell('digest', session)
      isOpen = false
      lease?.[Symbol.dispose]()
    },
  }
}
