import { type Random, randomInt } from '@damselfly/core'
import type { PeerList, SwarmView } from './swarm-view.ts'

/** In a list with many who may not serve, the search ends after this many looks per wanted candidate. */
const LOOKS_PER_CANDIDATE = 4

/** Distinct peers that may serve one child, drawn by chance. One instance serves all decisions of a policy. */
export class Candidates {
  readonly ids: Int32Array
  #size = 0
  #view: SwarmView | undefined
  #child = -1
  readonly #shuffled: Uint32Array

  /** No more than `capacity` are ever kept. */
  constructor(capacity: number) {
    this.ids = new Int32Array(capacity)
    this.#shuffled = new Uint32Array(capacity * LOOKS_PER_CANDIDATE)
  }

  get size(): number {
    return this.#size
  }

  /** Forgets the last decision. */
  start(view: SwarmView, child: number): void {
    this.#view = view
    this.#child = child
    this.#size = 0
  }

  /** False when it is there already, may not serve the child, or does not fit. */
  add(id: number): boolean {
    if (this.#size === this.ids.length || this.has(id)) return false
    if (this.#view?.mayServe(id, this.#child) !== true) return false
    this.ids[this.#size] = id
    this.#size += 1
    return true
  }

  has(id: number): boolean {
    for (let i = 0; i < this.#size; i++) if (this.ids[i] === id) return true
    return false
  }

  /**
   * Adds up to `count` of the list, each as likely as any other. A short list is looked through in random order; a long
   * one is probed, so the cost depends on `count` and not on the swarm.
   */
  draw(list: PeerList, count: number, random: Random): void {
    const wanted = Math.min(this.#size + count, this.ids.length)
    const looks = Math.min(count * LOOKS_PER_CANDIDATE, this.#shuffled.length)
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
    const shuffled = this.#shuffled
    for (let i = 0; i < size; i++) shuffled[i] = ids[i] as number
    for (let i = 0; i < size && this.#size < wanted; i++) {
      const j = i + randomInt(random, size - i)
      const id = shuffled[j] as number
      shuffled[j] = shuffled[i] as number
      this.add(id)
    }
  }

  #probe({ ids, size }: PeerList, wanted: number, looks: number, random: Random): void {
    for (let look = 0; look < looks && this.#size < wanted; look++) {
      this.add(ids[randomInt(random, size)] as number)
    }
  }
}
