import type { PeerId } from '@damselfly/core'
import type { PeerColumns } from '@damselfly/policy'
import type { Peer } from '../peer.ts'
import { BitmapSlab } from './bitmap-slab.ts'
import { largerCapacity, resized } from './grow.ts'
import type { HostTable } from './host-table.ts'
import { Slots } from './slots.ts'

/** More parents than this are never named to a peer. */
export const PARENT_SLOTS = 20

/** A reference to a peer is `generation << SLOT_BITS | slot`: it is void when the generation has moved on. */
const SLOT_BITS = 21
const SLOT_MASK = (1 << SLOT_BITS) - 1
const GENERATION_MASK = 0x7ff
export const MAX_PEERS = 1 << SLOT_BITS

/**
 * Bits of `flags`. The last two repeat what `list` and `phase` say: looking at a candidate costs a miss in the cache for each
 * column that is read.
 */
export const flag = {
  streamOpen: 1,
  waiting: 2,
  meshed: 4,
  whole: 8,
  usable: 16,
  running: 32,
} as const

/** Values of `list`. */
export const listed = { nowhere: 0, holders: 1, expecting: 2 } as const

/**
 * The hot facts of all peers, a row each: about 160 bytes for a peer. Parents are references, not objects, and nobody
 * keeps a list of children: when a peer is no longer to be anybody's parent its generation moves on, and children
 * find that out when they look.
 */
export class PeerTable implements PeerColumns {
  /** The number of its task. */
  task = new Uint32Array(0)
  host = new Uint32Array(0)
  have = new Uint32Array(0)
  outDegree = new Uint16Array(0)
  inDegree = new Uint8Array(0)
  phase = new Uint8Array(0)
  /** A number of `peerStateNumber`. */
  state = new Uint8Array(0)
  flags = new Uint8Array(0)
  list = new Uint8Array(0)
  answers = new Uint8Array(0)
  /** What it wants: pieces from `first` up to, not including, `end`. */
  first = new Uint32Array(0)
  end = new Uint32Array(0)
  /** Offset in `bitmaps`; 0 = it holds nothing, or all. */
  bitmap = new Uint32Array(0)
  /** `outDegree` ends at 65,535. */
  children = new Uint32Array(0)
  generation = new Uint16Array(0)
  parents = new Uint32Array(0)
  /** Neighbours in its host's list of peers, plus one; 0 = none. */
  next = new Uint32Array(0)
  previous = new Uint32Array(0)
  rate = new Float32Array(0)
  createdAt = new Float64Array(0)
  updatedAt = new Float64Array(0)
  /** Places in the lists of its task. */
  readonly memberPlace = { at: new Uint32Array(0) }
  readonly listPlace = { at: new Uint32Array(0) }
  readonly rackPlace = { at: new Uint32Array(0) }
  readonly bitmaps = new BitmapSlab()
  readonly objects: (Peer | undefined)[] = []
  readonly #hosts: HostTable
  readonly #slots = new Slots()
  readonly #references = new Uint32Array(PARENT_SLOTS)
  readonly #parentSlots = new Int32Array(PARENT_SLOTS)
  /** Its first so many elements: a view for each number costs nothing later. */
  readonly #views = Array.from({ length: PARENT_SLOTS + 1 }, (_, count) =>
    this.#parentSlots.subarray(0, count),
  )

  constructor(hosts: HostTable) {
    this.#hosts = hosts
  }

  take(): number {
    const slot = this.#slots.take()
    if (slot >= this.host.length) this.#grow(largerCapacity(this.host.length, slot + 1))
    return slot
  }

  /** The row is as new, but for its generation. */
  giveBack(slot: number): void {
    this.moveOn(slot)
    this.objects[slot] = undefined
    this.have[slot] = 0
    this.inDegree[slot] = 0
    this.flags[slot] = 0
    this.list[slot] = 0
    this.answers[slot] = 0
    this.bitmap[slot] = 0
    this.rate[slot] = 0
    this.#slots.giveBack(slot)
  }

  get(slot: number): Peer {
    return this.objects[slot] as Peer
  }

  /** From now on it is nobody's parent. */
  moveOn(slot: number): void {
    this.#hosts.addChildren(this.host[slot] as number, -(this.children[slot] as number))
    this.generation[slot] = ((this.generation[slot] as number) + 1) & GENERATION_MASK
    this.children[slot] = 0
    this.outDegree[slot] = 0
  }

  /** Of the peer, and so of its host. */
  addChildren(slot: number, count: number): void {
    this.#hosts.addChildren(this.host[slot] as number, count)
    const children = (this.children[slot] as number) + count
    this.children[slot] = children
    this.outDegree[slot] = Math.min(children, 0xffff)
  }

  reference(slot: number): number {
    return (((this.generation[slot] as number) << SLOT_BITS) | slot) >>> 0
  }

  setFlag(slot: number, bit: number, isSet: boolean): void {
    const flags = this.flags[slot] as number
    this.flags[slot] = isSet ? flags | bit : flags & ~bit
  }

  /** Whom the reference means, unless that one has moved on. */
  named(reference: number): Peer | undefined {
    const slot = reference & SLOT_MASK
    return this.generation[slot] === reference >>> SLOT_BITS ? this.objects[slot] : undefined
  }

  /** The slot that the child's parent number `i` is at; undefined when that one has moved on. */
  parent(child: number, i: number): number | undefined {
    const reference = this.parents[child * PARENT_SLOTS + i] as number
    const slot = reference & SLOT_MASK
    return this.generation[slot] === reference >>> SLOT_BITS ? slot : undefined
  }

  /** The slots of the child's parents, until the next call. */
  parentSlots(child: number): Int32Array {
    let count = 0
    for (let i = 0; i < (this.inDegree[child] as number); i++) {
      const slot = this.parent(child, i)
      if (slot === undefined) continue
      this.#parentSlots[count] = slot
      count += 1
    }
    return this.#views[count] as Int32Array
  }

  hasParent(child: number, parent: number): boolean {
    return this.#isParent(child, this.reference(parent))
  }

  /** The child's parents from now on, as slots. Degrees of those who come and of those who go follow. */
  setParents(child: number, slots: readonly number[]): void {
    const from = child * PARENT_SLOTS
    const count = Math.min(slots.length, PARENT_SLOTS)
    for (let i = 0; i < (this.inDegree[child] as number); i++) {
      const slot = this.parent(child, i)
      if (slot !== undefined && !hasAmong(slots, count, slot)) this.addChildren(slot, -1)
    }
    for (let i = 0; i < count; i++) this.#references[i] = this.reference(slots[i] as number)
    for (let i = 0; i < count; i++) {
      const isKept = this.#isParent(child, this.#references[i] as number)
      if (!isKept) this.addChildren(slots[i] as number, 1)
    }
    for (let i = 0; i < count; i++) this.parents[from + i] = this.#references[i] as number
    this.inDegree[child] = count
  }

  /** Objects first and then what is in them: see `Candidates` of the policies. */
  idsOf(slots: readonly number[]): PeerId[] {
    const peers = slots.map((slot) => this.get(slot))
    return peers.map(({ id }) => id)
  }

  #isParent(child: number, reference: number): boolean {
    const from = child * PARENT_SLOTS
    const end = from + (this.inDegree[child] as number)
    for (let i = from; i < end; i++) if (this.parents[i] === reference) return true
    return false
  }

  #grow(capacity: number): void {
    this.task = resized(this.task, capacity)
    this.host = resized(this.host, capacity)
    this.have = resized(this.have, capacity)
    this.outDegree = resized(this.outDegree, capacity)
    this.inDegree = resized(this.inDegree, capacity)
    this.phase = resized(this.phase, capacity)
    this.state = resized(this.state, capacity)
    this.flags = resized(this.flags, capacity)
    this.list = resized(this.list, capacity)
    this.answers = resized(this.answers, capacity)
    this.first = resized(this.first, capacity)
    this.end = resized(this.end, capacity)
    this.bitmap = resized(this.bitmap, capacity)
    this.children = resized(this.children, capacity)
    this.generation = resized(this.generation, capacity)
    this.parents = resized(this.parents, capacity * PARENT_SLOTS)
    this.next = resized(this.next, capacity)
    this.previous = resized(this.previous, capacity)
    this.rate = resized(this.rate, capacity)
    this.createdAt = resized(this.createdAt, capacity)
    this.updatedAt = resized(this.updatedAt, capacity)
    this.memberPlace.at = resized(this.memberPlace.at, capacity)
    this.listPlace.at = resized(this.listPlace.at, capacity)
    this.rackPlace.at = resized(this.rackPlace.at, capacity)
  }
}

/** Among the first `count`. */
function hasAmong(slots: readonly number[], count: number, slot: number): boolean {
  for (let i = 0; i < count; i++) if (slots[i] === slot) return true
  return false
}
