import type { PeerId } from '@damselfly/core'
import type { Considered } from '@damselfly/policy'
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
  /** Who else was looked at, those with the best scores first; empty when the policy does not say. */
  readonly others: readonly LoggedCandidate[]
}

export interface LoggedCandidate {
  readonly peerId: PeerId | undefined
  /** Children of its host over all tasks, before this one. */
  readonly load: number
  /** Absent = the policy does not say, or was not asked: whoever fetches from the origin is added to its answer. */
  readonly score?: LoggedScore
}

export interface LoggedParent extends LoggedCandidate {
  /** Pieces that it held. */
  readonly have: number
}

/** The score is the product of the rest, more or less: docs/scheduling.md. */
export interface LoggedScore {
  readonly total: number
  /** What its host was thought to send, bytes/s. */
  readonly capacity: number
  readonly distance: (typeof distances)[number]
  readonly usefulness: number
  readonly health: number
}

/** By value of `tier`. */
const distances = ['rack', 'idc', 'region', 'far', 'unknown'] as const

/** Decisions that are remembered, of all tasks together, and candidates of each: about 10 MB. */
const CAPACITY = 8_192
const MAX_CANDIDATES = 48

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
  readonly #candidates = new CandidateColumns(CAPACITY * MAX_CANDIDATES)
  readonly #candidateCount = new Uint8Array(CAPACITY)
  /** Decisions so far. */
  #end = 0

  constructor(table: PeerTable) {
    this.#table = table
  }

  /** `view` is aimed at the child; `parents` are slots. `considered`: as the policy says it after this decision. */
  add(view: DecisionView, child: Peer, parents: readonly number[], considered?: Considered): void {
    const row = this.#end % CAPACITY
    this.#end += 1
    this.#at[row] = view.now
    this.#task[row] = child.task.number
    this.#child[row] = this.#table.reference(child.slot)
    const count = Math.min(parents.length, PARENT_SLOTS)
    this.#count[row] = count
    for (let i = 0; i < count; i++) {
      const parent = parents[i] as number
      const at = row * PARENT_SLOTS + i
      this.#parents[at] = this.#table.reference(parent)
      this.#loads[at] = view.host.outDegree[view.peer.host[parent] as number] as number
      this.#have[at] = view.peer.have[parent] as number
    }
    const size = Math.min(considered?.size ?? 0, MAX_CANDIDATES)
    this.#candidateCount[row] = size
    if (considered === undefined) return
    this.#candidates.write(row * MAX_CANDIDATES, size, considered, this.#table)
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
    const from = row * MAX_CANDIDATES
    const candidates = new Map<number, LoggedCandidate & { readonly score: LoggedScore }>()
    for (let i = from; i < from + (this.#candidateCount[row] as number); i++) {
      candidates.set(this.#candidates.reference[i] as number, {
        peerId: this.#table.named(this.#candidates.reference[i] as number)?.id,
        ...this.#candidates.read(i),
      })
    }
    const parents = Array.from({ length: this.#count[row] as number }, (_, i) => {
      const at = row * PARENT_SLOTS + i
      const reference = this.#parents[at] as number
      const score = candidates.get(reference)?.score
      candidates.delete(reference)
      return {
        peerId: this.#table.named(reference)?.id,
        load: this.#loads[at] as number,
        have: this.#have[at] as number,
        ...(score && { score }),
      }
    })
    const others = [...candidates.values()].sort((a, b) => b.score.total - a.score.total)
    const child = this.#table.named(this.#child[row] as number)?.id
    return { at: this.#at[row] as number, child, parents, others }
  }
}

/** The considered ones of all decisions, and their scores. */
class CandidateColumns {
  readonly reference: Uint32Array
  readonly #load: Uint16Array
  readonly #distance: Uint8Array
  readonly #capacity: Float32Array
  readonly #usefulness: Float32Array
  readonly #health: Float32Array
  readonly #score: Float32Array

  constructor(length: number) {
    this.reference = new Uint32Array(length)
    this.#load = new Uint16Array(length)
    this.#distance = new Uint8Array(length)
    this.#capacity = new Float32Array(length)
    this.#usefulness = new Float32Array(length)
    this.#health = new Float32Array(length)
    this.#score = new Float32Array(length)
  }

  /** The first `size` of the considered ones, from row `from` on. */
  write(from: number, size: number, considered: Considered, table: PeerTable): void {
    const { ids, children, tier, capacity, usefulness, health, score } = considered
    for (let i = 0; i < size; i++) {
      const at = from + i
      this.reference[at] = table.reference(ids[i] as number)
      this.#load[at] = children[i] as number
      this.#distance[at] = tier[i] as number
      this.#capacity[at] = capacity[i] as number
      this.#usefulness[at] = usefulness[i] as number
      this.#health[at] = health[i] as number
      this.#score[at] = score[i] as number
    }
  }

  read(at: number): { load: number; score: LoggedScore } {
    const score = {
      total: this.#score[at] as number,
      capacity: this.#capacity[at] as number,
      distance: distances[this.#distance[at] as number] ?? 'unknown',
      usefulness: this.#usefulness[at] as number,
      health: this.#health[at] as number,
    }
    return { load: this.#load[at] as number, score }
  }
}
