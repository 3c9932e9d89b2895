import type { Hasher } from '@damselfly/core'
import { createAnyHasher } from '@damselfly/core/hashing'
import { openPlace, PlacedPieceReader } from '@damselfly/storage/place'
import type { HashArgument } from './thread-methods.ts'

const bufferBytes = 1 << 20

/** The contents that this thread is hashing, each for a session of the control thread. */
export class HashSessions {
  readonly #hashers = new Map<number, Hasher>()
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes)

  update({ session, algorithm, place, span, seal }: HashArgument): void {
    const hasher = this.#hashers.get(session) ?? createAnyHasher(algorithm)
    this.#hashers.set(session, hasher)
    const open = openPlace(place)
    try {
      const reader = new PlacedPieceReader(open, span, seal)
      for (let done = 0; done < span.length; ) {
        const part = this.#buffer.subarray(0, span.length - done)
        const count = reader.read(part, done)
        hasher.update(part.subarray(0, count))
        done += count
      }
    } finally {
      void open.close()
    }
  }

  /** Ends the session; `undefined` when it had no bytes. */
  digest(session: number): string | undefined {
    const hasher = this.#hashers.get(session)
    this.#hashers.delete(session)
    return hasher?.digest()
  }
}
