import type { Random } from '@damselfly/core'
import type { SwarmView } from '@damselfly/policy'
import type { Decision } from './shadow.ts'
import { type Snapshot, type SnapshotOrigin, takeSnapshot } from './snapshot.ts'

export interface SnapshotsOptions {
  /** Share of the decisions that is written down, 0 to 1. */
  readonly share: number
}

export interface SnapshotsDeps {
  readonly random: Random
  readonly isLate: () => boolean
  /** Takes one down. Never throws and never waits. */
  readonly write: (snapshot: Snapshot) => void
}

/** A snapshot costs a look at every member: those of larger swarms would hold the scheduler up. */
const MAX_MEMBERS = 2_000
/** Looks at members per second, over all snapshots. */
const MAX_LOOKS_PER_SECOND = 20_000

/** Picks the decisions that are written down for replay. */
export class Snapshots {
  readonly #options: SnapshotsOptions
  readonly #deps: SnapshotsDeps
  #second = 0
  #looks = 0

  constructor(options: SnapshotsOptions, deps: SnapshotsDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** True for the decisions that are to be given to `take`. */
  draws({ now, members }: Pick<SwarmView, 'now' | 'members'>): boolean {
    if (this.#deps.random.next() >= this.#options.share) return false
    const second = Math.floor(now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#looks = 0
    }
    if (members.size > MAX_MEMBERS || this.#looks + members.size > MAX_LOOKS_PER_SECOND)
      return false
    if (this.#deps.isLate()) return false
    this.#looks += members.size
    return true
  }

  take(decision: Decision, origin: SnapshotOrigin): void {
    this.#deps.write(takeSnapshot(decision, origin))
  }
}
