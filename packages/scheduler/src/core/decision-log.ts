import type { PeerId } from '@damselfly/core'
import { PARENT_SLOTS, type PeerTable } from './columns/peer-table.ts'
import type { DecisionView } from './decision-view.ts'
import type { Peer } from './resources.ts'

/** What a decision was, and what spoke for those who were chosen when it was taken. */
export interface LoggedDecision {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Absent = has left since. */
  readonly child: PeerId | undefined
  readonly parents: readonly LoggedParent[]
}

export interface LoggedParent {
  readonly peerId: PeerId | undefined
  /** Children of its host over all tasks, before this one. */
  readonly load: number
  /** Pieces that it held. */
  readonly have: number
}

/** Decisions that are remembered, of all tasks together: about 3 MB. */
const CAPACITY = 10_000

/** The last decisions in one ring of columns, so that remembering one allocates nothing. */
export class DecisionLog {
  readonly #table: PeerTable
  readonly #at = new Float64Array(CAPACITY)
  readonly #task = new Uint32Array(CAPACITY)
  readonly #child = new Uint32Array(CAPACITY)
  readonly #count = new Uint8Array(CAPACITY)
  readonly #parents = new Uint32Array(CAPACITY * PARENT_SLOTS)
  readonly #loads = new Uint16Array(CAPACITY * PARENT_SLOTS)
  readonly #have = new Uint32Array(CAPACITY * PARENT_SLOTS)
  /** Decisions so far. */
  #end = 0

  constructor(table: PeerTable) {
    this.#table = table
  }

  /** `view` is aimed at the child. */
  add(view: DecisionView, child: Peer, parents: readonly Peer[]): void {
    const row = this.#end % CAPACITY
    this.#end += 1
    this.#at[row] = view.now
    this.#task[row] = child.task.number
    this.#child[row] = this.#table.reference(child.slot)
    const count = Math.min(parents.length, PARENT_SLOTS)
    this.#count[row] = count
    for (let i = 0; i < count; i++) {
      const parent = parents[i] as Peer
      const at = row * PARENT_SLOTS + i
      this.#parents[at] = this.#table.reference(parent.slot)
      this.#loads[at] = view.host.outDegree[parent.host.slot] as number
      this.#have[at] = parent.heldCount
    }
  }

  /** The newest first. */
  ofTask(taskNumber: number, max: number): LoggedDecision[] {
    const found: LoggedDecision[] = []
    const oldest = Math.max(0, this.#end - CAPACITY)
    for (let i = this.#end - 1; i >= oldest && found.length < max; i--) {
      const row = i % CAPACITY
      if (this.#task[row] === taskNumber) found.push(this.#read(row))
    }
    return found
  }

  #read(row: number): LoggedDecision {
    const from = row * PARENT_SLOTS
    const parents = Array.from({ length: this.#count[row] as number }, (_, i) => ({
      peerId: this.#table.named(this.#parents[from + i] as number)?.id,
      load: this.#loads[from + i] as number,
      have: this.#have[from + i] as number,
    }))
    const child = this.#table.named(this.#child[row] as number)?.id
    return { at: this.#at[row] as number, child, parents }
  }
}
