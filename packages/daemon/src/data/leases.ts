import { placeWithin } from '@damselfly/storage'
import type { FoundPiece, UploadDesk } from './data-plane.ts'
import type { OpenAnswer, OpenArgument, ReleasedArgument } from './thread-methods.ts'

/** The pieces that the sending thread has open. */
export class Leases {
  readonly #desk: UploadDesk
  readonly #open = new Map<number, FoundPiece['release']>()
  #last = 0

  constructor(desk: UploadDesk) {
    this.#desk = desk
  }

  readonly methods = {
    open: ({ family, taskId, number }: OpenArgument): OpenAnswer => {
      const { stored, record, release } = this.#desk.find(family, taskId, number)
      this.#last += 1
      this.#open.set(this.#last, release)
      const { offset, length, seal, digest, parentId, costMs, createdAt } = record
      return {
        header: { number, offset, length, digest, parentId, costMs, createdAt },
        place: placeWithin(stored.place, { offset, length }),
        span: { offset, length },
        ...(seal === undefined ? {} : { seal }),
        lease: this.#last,
      }
    },
    released: ({ lease, sentBytes, wireBytes, isSuspect }: ReleasedArgument): void => {
      this.#desk.sent(wireBytes)
      const release = this.#open.get(lease)
      this.#open.delete(lease)
      release?.(sentBytes, isSuspect)
    },
  }

  /** Nothing is sent any more. */
  releaseAll(): void {
    for (const release of this.#open.values()) release(0)
    this.#open.clear()
  }
}
