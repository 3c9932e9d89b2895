import type { PieceInterval, TaskId } from '@damselfly/core'
import type { PieceRecord, StoredTask } from '@damselfly/storage'
import type { FetchedPiece } from '@damselfly/transport'

/**
 * A stored task while somebody works with it: which pieces are being fetched right now, and by how many jobs. Jobs of
 * one task (different ranges, a seed's trigger beside a local request) share it, so a piece is fetched once.
 */
export class LiveTask {
  readonly stored: StoredTask
  readonly #onFinished: (record: PieceRecord) => void
  readonly #claimed = new Set<number>()
  readonly #listeners = new Set<LiveTaskListener>()
  #children = 0
  #childNumber = 0
  #followers = 0
  #savedBytes = 0
  /** First piece of each. */
  readonly #readers = new Set<{ readonly first: number }>()
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

  /** The pieces that are being fetched. */
  get claimed(): Iterable<number> {
    return this.#claimed
  }

  isClaimed(piece: number): boolean {
    return this.#claimed.has(piece)
  }

  /** Reserves a missing piece for one fetch. False when it is here or somebody else fetches it. */
  claim(piece: number): boolean {
    if (this.has(piece) || this.#claimed.has(piece)) return false
    this.#claimed.add(piece)
    this.#each((l) => l.claimed?.(piece))
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

  /** A piece has come from a peer. */
  received({ length, travelledBytes }: Pick<FetchedPiece, 'length' | 'travelledBytes'>): void {
    this.#savedBytes += length - travelledBytes
  }

  /** Bytes that did not have to travel, because pieces came packed. */
  get savedBytes(): number {
    return this.#savedBytes
  }

  /** The piece is not what it should be: forgets it, and others may fetch it. */
  drop(piece: number): Promise<void> {
    return this.stored.drop(piece)
  }

  /** The store has dropped the piece, whoever found it bad. */
  dropped(piece: number): void {
    this.#each((l) => l.released?.(piece))
  }

  /** The piece may be bad: reads it again, and drops it when it is. */
  async check(piece: number): Promise<void> {
    if (this.has(piece) && !(await this.stored.verify(piece))) await this.drop(piece)
  }

  /** A job begins; the returned function ends it. */
  join(): () => void {
    this.#jobs += 1
    return once(() => {
      this.#jobs -= 1
      if (this.#jobs === 0) this.#each((l) => l.inactive?.())
    })
  }

  /** Hears of what happens to the pieces; the returned function unsubscribes. */
  listen(listener: LiveTaskListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Somebody waits for the content, or checks or exports it; the returned function says that it is done. */
  follow(): () => void {
    this.#followers += 1
    return once(() => {
      this.#followers -= 1
    })
  }

  /** How many do that now. */
  get followers(): number {
    return this.#followers
  }

  /** Somebody takes the content as a stream that begins with this piece; the returned function says that it is done. */
  read(first: number): () => void {
    const reader = { first }
    this.#readers.add(reader)
    this.#each((l) => l.read?.())
    return () => {
      if (this.#readers.delete(reader)) this.#each((l) => l.read?.())
    }
  }

  /** With which piece the stream of who waits longest begins; `undefined` when nobody reads. */
  get reader(): number | undefined {
    const [reader] = this.#readers
    return reader?.first
  }

  /** A child asks for pieces that arrive; `isFirstFor` gives each child about the same share of them. */
  addChild(): { readonly isFirstFor: (piece: number) => boolean; readonly leave: () => void } {
    const number = this.#childNumber
    this.#childNumber += 1
    this.#children += 1
    return {
      isFirstFor: (piece) => piece % this.#children === number % this.#children,
      leave: once(() => {
        this.#children -= 1
      }),
    }
  }

  #each(call: (listener: LiveTaskListener) => void): void {
    for (const listener of [...this.#listeners]) call(listener)
  }
}

export interface LiveTaskListener {
  /** Somebody fetches the piece. */
  claimed?(piece: number): void
  /** A piece is in the store, verified. */
  finished?(record: PieceRecord): void
  /** A fetch failed, or the piece turned out to be bad; it is free again. */
  released?(piece: number): void
  /** Somebody begins to read the content as it comes, or is done. */
  read?(): void
  /** The last job ended. */
  inactive?(): void
}

function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) run()
    isDone = true
  }
}
