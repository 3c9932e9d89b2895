import { type Random, randomInt } from '@damselfly/core'
import type { PeerList, SwarmView } from './swarm-view.ts'

/** In a list with many who may not serve, the search ends after this many looks per wanted candidate. */
const LOOKS_PER_CANDIDATE = 4

/** Bits of the filter that knows most peers that are no candidates yet; a power of two. */
const FILTER_BITS = 1024

/**
 * Distinct peers that may serve one child, drawn by chance. One instance serves all decisions of a policy.
 *
 * A decision in a large swarm reads a hundred places that are in no cache. Loops that do nothing else let the processor
 * wait for many of them at the same time, so those who are drawn are asked about together: see `markServing` and `rateOffers` of the view.
 */
export class Candidates {
  readonly ids: Int32Array
  /** Theirs, in the same places. */
  readonly hosts: Int32Array
  #size = 0
  #view: SwarmView | undefined
  #child = -1
  /** Those that were drawn, and 1 for each that may serve the child. */
  readonly #drawn: Int32Array
  readonly #serving: Uint8Array
  readonly #filter = new Uint32Array(FILTER_BITS >>> 5)

  /** No more than `capacity` are ever kept. */
  constructor(capacity: number) {
    this.ids = new Int32Array(capacity)
    this.hosts = new Int32Array(capacity)
    this.#drawn = new Int32Array(capacity * LOOKS_PER_CANDIDATE)
    this.#serving = new Uint8Array(capacity * LOOKS_PER_CANDIDATE)
  }

  get size(): number {
    return this.#size
  }

  /** Forgets the last decision. */
  start(view: SwarmView, child: number): void {
    this.#view = view
    this.#child = child
    this.#size = 0
    this.#filter.fill(0)
  }

  /** Those of the first `count` that are not there already and may serve the child, until there are `limit`. */
  addAll(ids: Int32Array | Uint32Array, count: number, limit: number): void {
    const end = Math.min(count, this.#drawn.length)
    for (let i = 0; i < end; i++) this.#drawn[i] = ids[i] as number
    this.#addDrawn(end, Math.min(limit, this.ids.length))
  }

  has(id: number): boolean {
    const bit = id & (FILTER_BITS - 1)
    if (((this.#filter[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false
    for (let i = 0; i < this.#size; i++) if (this.ids[i] === id) return true
    return false
  }

  /**
   * Adds up to `count` of the list, each as likely as any other. A short list is looked through in random order; a long
   * one is probed, so the cost depends on `count` and not on the swarm.
   */
  draw(list: PeerList, count: number, random: Random): void {
    const wanted = Math.min(this.#size + count, this.ids.length)
    const looks = Math.min(count * LOOKS_PER_CANDIDATE, this.#drawn.length)
    if (list.size <= looks) this.#drawShuffled(list, wanted, random)
    else this.#probe(list, wanted, looks, random)
  }

  /** Holders; as long as they are fewer than `enough`, also those that will hold something soon. */
  drawProviders(count: number, enough: number, random: Random): void {
    const view = this.#view
    if (view === undefined) return
    const end = this.#size + count
    this.draw(view.holders, count, random)
    if (view.holders.size < enough) this.draw(view.expecting, end - this.#size, random)
  }

  #drawShuffled({ ids, size }: PeerList, wanted: number, random: Random): void {
    const drawn = this.#drawn
    const serving = this.#serving
    for (let i = 0; i < size; i++) drawn[i] = ids[i] as number
    this.#markServing(size)
    for (let i = 0; i < size && this.#size < wanted; i++) {
      const j = i + randomInt(random, size - i)
      const id = drawn[j] as number
      const isServing = serving[j] === 1
      drawn[j] = drawn[i] as number
      serving[j] = serving[i] as number
      if (isServing) this.#add(id)
    }
  }

  #probe({ ids, size }: PeerList, wanted: number, looks: number, random: Random): void {
    let left = looks
    while (left > 0 && this.#size < wanted) {
      const count = Math.min(left, wanted - this.#size)
      left -= count
      for (let i = 0; i < count; i++) this.#drawn[i] = ids[randomInt(random, size)] as number
      this.#addDrawn(count, wanted)
    }
  }

  #addDrawn(count: number, limit: number): void {
    this.#markServing(count)
    for (let i = 0; i < count && this.#size < limit; i++) {
      if (this.#serving[i] === 1) this.#add(this.#drawn[i] as number)
    }
  }

  #markServing(count: number): void {
    this.#view?.markServing({ ids: this.#drawn, from: 0, end: count }, this.#child, this.#serving)
  }

  #add(id: number): void {
    if (this.has(id)) return
    this.ids[this.#size] = id
    this.hosts[this.#size] = this.#view?.peer.host[id] as number
    this.#size += 1
    const bit = id & (FILTER_BITS - 1)
    this.#filter[bit >>> 5] = (this.#filter[bit >>> 5] as number) | (1 << (bit & 31))
  }
}
