import type { FindPiece } from './data-plane.ts'
import type { OpenAnswer, OpenArgument } from './thread-methods.ts'

/** The pieces that the sending thread has open. */
export class Leases {
  readonly #find: FindPiece
  readonly #open = new Map<number, (sentBytes: number) => void>()
  #last = 0

  constructor(find: FindPiece) {
    this.#find = find
  }

  readonly methods = {
    open: ({ family, taskId, number }: OpenArgument): OpenAnswer => {
      const { stored, record, release } = this.#find(family, taskId, number)
      this.#last += 1
      this.#open.set(this.#last, release)
      const { offset, length, seal, digest, parentId, costMs, createdAt } = record
      return {
        header: { number, offset, length, digest, parentId, costMs, createdAt },
        place: stored.place,
        span: { offset, length },
        ...(seal === undefined ? {} : { seal }),
        lease: this.#last,
      }
    },
    released: ({ lease, sentBytes }: { lease: number; sentBytes: number }): void => {
      const release = this.#open.get(lease)
      this.#open.delete(lease)
      release?.(sentBytes)
    },
  }

  /** Nothing is sent any more. */
  releaseAll(): void {
    for (const release of this.#open.values()) release(0)
    this.#open.clear()
  }
}
