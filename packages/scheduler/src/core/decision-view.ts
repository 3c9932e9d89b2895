import {
  offer,
  type ParentPolicy,
  type PeerList,
  type Places,
  type SwarmView,
  type TaskTraits,
} from '@damselfly/policy'
import { grown } from './columns/grow.ts'
import type { HostTable } from './columns/host-table.ts'
import { flag, PARENT_SLOTS, type PeerTable } from './columns/peer-table.ts'
import { nobody } from './columns/slot-list.ts'
import type { CoreState } from './core-state.ts'
import { canGive, canServe } from './coverage.ts'
import type { PieceSet } from './piece-set.ts'
import type { Peer, Task } from './resources.ts'

/** One question to the policy. */
export interface Question {
  readonly child: Peer
  readonly missing: PieceSet
  /** Slots of those that are not to be named now. */
  readonly not: readonly number[]
  /** Nor are those whose parent the child is already. */
  readonly notItsChildren: boolean
}

/** What a policy sees: the live columns, aimed at one child after the other. Nothing is copied. */
export class DecisionView implements SwarmView {
  readonly peer: PeerTable
  readonly host: HostTable
  readonly #state: Omit<CoreState, 'view'>
  readonly #traits = {
    pieceCount: 0,
    pieceLength: 0,
    contentLength: 0,
    ageMs: 0,
    priority: 0,
    meanUplink: 0,
  } satisfies TaskTraits
  readonly #seeds = { ids: new Uint32Array(8), size: 0 }
  /** The answer about a rack of a small swarm. */
  readonly #rack = { ids: new Uint32Array(64), size: 0 }
  /** What was read to have it near. */
  #touched = new Uint32Array(128)
  #question: Question | undefined
  /** There are blocked hosts, or several contents. */
  #needsCloserLook = false
  #missingCount = 0
  #wordCount = 0
  /** Everybody wants all, so whoever is running will have what the child lacks. */
  #isRunningEnough = false

  constructor(state: Omit<CoreState, 'view'>) {
    this.#state = state
    this.peer = state.peerTable
    this.host = state.hostTable
  }

  aim(question: Question): void {
    const { child } = question
    this.#question = question
    this.#missingCount = question.missing.count
    this.#wordCount = (child.pieceCount + 31) >>> 5
    this.#isRunningEnough = child.host.facts.isOurs && !child.task.hasRanges
    this.#needsCloserLook = child.blocked.size > 0 || child.task.isMixed
    const { geometry } = child
    const traits = this.#traits
    traits.pieceCount = geometry?.pieceCount ?? 0
    traits.pieceLength = geometry?.pieceLength ?? 0
    traits.contentLength = geometry?.contentLength ?? 0
    traits.ageMs = this.now - child.task.createdAt
    traits.priority = child.facts.priority
    traits.meanUplink = meanUplink(child.task)
    this.#listSeeds(child.task)
  }

  get now(): number {
    return this.#state.now
  }

  get task(): TaskTraits {
    return this.#traits
  }

  get members(): PeerList {
    return this.#question?.child.task.members ?? nobody
  }

  get holders(): PeerList {
    return this.#question?.child.task.holders ?? nobody
  }

  get expecting(): PeerList {
    return this.#question?.child.task.expecting ?? nobody
  }

  get seeds(): PeerList {
    return this.#seeds
  }

  rackMembers(rack: number): PeerList {
    const task = this.#question?.child.task
    if (rack === 0 || task === undefined) return nobody
    if (task.racks !== undefined) return task.racks.get(rack) ?? nobody
    this.#rack.size = 0
    for (const list of [task.holders, task.expecting]) this.#addThoseIn(rack, list)
    return this.#rack
  }

  #addThoseIn(rack: number, { ids, size }: PeerList): void {
    const found = this.#rack
    for (let i = 0; i < size; i++) {
      const slot = ids[i] as number
      if (this.host.rack[this.peer.host[slot] as number] !== rack) continue
      if (found.size === found.ids.length) found.ids = grown(found.ids, found.size + 1)
      found.ids[found.size] = slot
      found.size += 1
    }
  }

  usefulPieces(parent: number, child: number): number {
    const question = this.#question
    if (question?.child.slot !== child) return 0
    const { flags, bitmap, bitmaps } = this.peer
    if (((flags[parent] as number) & flag.whole) !== 0) return this.#missingCount
    const offset = bitmap[parent] as number
    if (offset === 0) return 0
    return question.missing.countCommonWords(bitmaps.words, offset, this.#wordCount)
  }

  /** Each column in a loop of its own: see `Candidates` of the policies. */
  rateOffers({ ids, from, end }: Places, child: number, out: Uint8Array): void {
    const question = this.#question
    const { flags, bitmap, bitmaps } = this.peer
    const { words } = bitmaps
    const size = end - from
    const offsets = this.#scratch(2 * size)
    for (let i = 0; i < size; i++) offsets[i] = bitmap[ids[from + i] as number] as number
    for (let i = 0; i < size; i++) offsets[size + i] = words[offsets[i] as number] as number
    for (let i = 0; i < size; i++) {
      const offset = offsets[i] as number
      const isWhole = ((flags[ids[from + i] as number] as number) & flag.whole) !== 0
      if (question?.child.slot !== child || (offset === 0 && !isWhole))
        out[from + i] = offer.nothing
      else if (isWhole) out[from + i] = this.#missingCount > 0 ? offer.useful : offer.useless
      else {
        const isUseful = question.missing.intersectsWords(words, offset, this.#wordCount)
        out[from + i] = isUseful ? offer.useful : offer.useless
      }
    }
  }

  /** Runs for every candidate of every decision, so it looks at few columns, and at objects only when it has to. */
  mayServe(parent: number, child: number): boolean {
    const question = this.#question
    const { flags, host } = this.peer
    const candidate = flags[parent] as number
    if (question?.child.slot !== child || (candidate & flag.usable) === 0) return false
    if (host[parent] === host[child]) return false
    if (this.#needsCloserLook && !this.#passesCloserLook(parent, question)) return false
    if (!this.#canGive(parent, candidate, question)) return false
    if (question.not.length > 0 && question.not.includes(parent)) return false
    return !question.notItsChildren || !this.peer.hasParent(parent, child)
  }

  /** As `mayServe`, after a loop for each column that it reads: see `Candidates` of the policies. */
  markServing({ ids, from, end }: Places, child: number, out: Uint8Array): void {
    const { host, parents } = this.peer
    const touched = this.#scratch(end - from)
    for (let i = from; i < end; i++) touched[i - from] = host[ids[i] as number] as number
    if (this.#question?.notItsChildren === true) {
      for (let i = from; i < end; i++) {
        touched[i - from] = parents[(ids[i] as number) * PARENT_SLOTS] as number
      }
    }
    for (let i = from; i < end; i++) out[i] = Number(this.mayServe(ids[i] as number, child))
  }

  /** What a policy names may be anything. */
  isMember(slot: number): boolean {
    return this.peer.task[slot] === this.#question?.child.task.number
  }

  #passesCloserLook(parent: number, { child }: Question): boolean {
    return canServe(this.#state, this.peer.get(parent), child)
  }

  /** As `canGive`. Most children want all, and so do most parents. */
  #canGive(parent: number, flags: number, { child, missing }: Question): boolean {
    if (this.#missingCount === 0) return false
    if ((flags & flag.whole) !== 0) return true
    if (this.#isRunningEnough && (flags & flag.running) !== 0) return true
    return canGive(this.peer.get(parent), child, missing)
  }

  #scratch(size: number): Uint32Array {
    if (size > this.#touched.length) this.#touched = new Uint32Array(2 * size)
    return this.#touched
  }

  #listSeeds({ seedPeers }: Task): void {
    const seeds = this.#seeds
    if (seedPeers.size > seeds.ids.length) seeds.ids = new Uint32Array(2 * seedPeers.size)
    seeds.size = 0
    for (const seed of seedPeers) {
      if (!seed.isUsable) continue
      seeds.ids[seeds.size] = seed.slot
      seeds.size += 1
    }
  }
}

/** Bytes per second; 0 = unknown. */
export function meanUplink({ uplinks: { sum, known } }: Task): number {
  return known === 0 ? 0 : sum / known / 8
}

/** An arm of an experiment may have another policy than the rest. */
export const policyOf = (state: Pick<CoreState, 'policy'>, { arm }: Task): ParentPolicy =>
  arm?.policy ?? state.policy
