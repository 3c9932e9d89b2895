import type { PieceInterval, TaskId } from '@damselfly/core'
import type { PieceRecord, StoredTask } from '@damselfly/storage'

/**
 * A stored task while somebody works with it: which pieces are being fetched right now, and by how many jobs. Jobs of
 * one task (different ranges, a seed's trigger beside a local request) share it, so a piece is fetched once.
 */
export class LiveTask {
  readonly stored: StoredTask
  readonly #onFinished: (record: PieceRecord) => void
  readonly #claimed = new Set<number>()
  readonly #listeners = new Set<LiveTaskListener>()
  readonly #children = new Set<symbol>()
  #jobs = 0

  /** `onFinished` is told of every piece that arrives, before the listeners are. */
  constructor(stored: StoredTask, onFinished: (record: PieceRecord) => void = () => {}) {
    this.stored = stored
    this.#onFinished = onFinished
  }

  get taskId(): TaskId {
    return this.stored.spec.taskId
  }

  /** Somebody is downloading; more pieces may come. */
  get isActive(): boolean {
    return this.#jobs > 0
  }

  has(piece: number): boolean {
    return this.stored.have.get(piece)
  }

  hasAll({ first, end }: PieceInterval): boolean {
    return this.stored.have.containsAll(first, end)
  }

  isClaimed(piece: number): boolean {
    return this.#claimed.has(piece)
  }

  /** Reserves a missing piece for one fetch. False when it is here or somebody else fetches it. */
  claim(piece: number): boolean {
    if (this.has(piece) || this.#claimed.has(piece)) return false
    this.#claimed.add(piece)
    return true
  }

  /** Ends a claim whose piece did not arrive; others may try. */
  unclaim(piece: number): void {
    if (this.#claimed.delete(piece)) this.#each((l) => l.released?.(piece))
  }

  /** Ends a claim whose piece is now in the store. */
  finished(record: PieceRecord): void {
    this.#claimed.delete(record.number)
    this.#onFinished(record)
    this.#each((l) => l.finished?.(record))
  }

  /** A job begins; the returned function ends it. */
  join(): () => void {
    this.#jobs += 1
    let joined = true
    return () => {
      if (!joined) return
      joined = false
      this.#jobs -= 1
      if (this.#jobs === 0) this.#each((l) => l.inactive?.())
    }
  }

  /** Hears of what happens to the pieces; the returned function unsubscribes. */
  listen(listener: LiveTaskListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A child asks for pieces that arrive; see `isFirstFor`. */
  addChild(): { readonly isFirstFor: (piece: number) => boolean; readonly leave: () => void } {
    const me = Symbol('child')
    this.#children.add(me)
    return {
      isFirstFor: (piece) => [...this.#children][piece % this.#children.size] === me,
      leave: () => this.#children.delete(me),
    }
  }

  #each(call: (listener: LiveTaskListener) => void): void {
    for (const listener of [...this.#listeners]) call(listener)
  }
}

export interface LiveTaskListener {
  /** A piece is in the store, verified. */
  finished?(record: PieceRecord): void
  /** A fetch failed; the piece is free again. */
  released?(piece: number): void
  /** The last job ended. */
  inactive?(): void
}
