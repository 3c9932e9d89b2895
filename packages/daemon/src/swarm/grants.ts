import { type Random, randomInt } from '@damselfly/core'
import type { Slot } from './messages.ts'
import { enlarged, type PieceMap } from './piece-map.ts'

/** Who does not use a grant for so long does not want it. */
const grantMs = 1_000

/**
 * The upload side: a free slot is granted to any interested neighbour, by chance: to prefer the least complete ones makes no
 * swarm faster and lets those starve who came first. One that has a piece under way already gets another only when nobody else
 * wants it, and up to `depth` at a time. A slot is taken from the grant until the piece has been
 * sent, the neighbour declines, or it does not answer. Grants to one neighbour are answered in their order.
 */
export class Grants {
  readonly #map: PieceMap
  readonly #random: Random
  readonly #depth: number
  #wants = new Uint8Array(16)
  #granted = new Uint8Array(16)
  #sending = new Uint8Array(16)
  #answeredAt = new Float64Array(16)
  /** Pieces named in grants without an answer, the oldest first. */
  readonly #named: (number[] | undefined)[] = []
  #taken = 0
  #unanswered = 0

  constructor(map: PieceMap, depth: number, random: Random) {
    this.#map = map
    this.#depth = depth
    this.#random = random
  }

  /** Slots that are granted or being used. */
  get taken(): number {
    return this.#taken
  }

  /** A neighbour of that number has been met. */
  add(slot: Slot): void {
    if (slot >= this.#wants.length) this.#grow(slot * 2)
  }

  remove(slot: Slot): void {
    this.#taken -= this.#load(slot)
    this.#unanswered -= this.#granted[slot] ?? 0
    this.#wants[slot] = 0
    this.#granted[slot] = 0
    this.#sending[slot] = 0
    this.#named[slot] = undefined
  }

  interested(slot: Slot): void {
    this.#wants[slot] = 1
  }

  /** The piece that was named to a neighbour which declines, -1 when none was; `undefined` when it had no grant. */
  declined(slot: Slot): number | undefined {
    this.#wants[slot] = 0
    const named = this.#answer(slot)
    if (named !== undefined) this.#taken -= 1
    return named
  }

  /** The neighbour to whom the next free slot goes. */
  next(): Slot | undefined {
    let chosen: Slot | undefined
    let least = Number.POSITIVE_INFINITY
    let equals = 0
    for (let slot = 0; slot < this.#map.end; slot++) {
      if (this.#wants[slot] !== 1) continue
      const load = this.#load(slot)
      if (load >= this.#depth || this.#map.offers(slot) <= load || load > least) continue
      equals = load < least ? 1 : equals + 1
      if (equals === 1 || randomInt(this.#random, equals) === 0) chosen = slot
      least = load
    }
    return chosen
  }

  /** `named` is -1 for any piece. */
  grant(slot: Slot, named: number, now: number): void {
    this.#granted[slot] = (this.#granted[slot] ?? 0) + 1
    this.#answeredAt[slot] = now
    this.#taken += 1
    this.#unanswered += 1
    if (named < 0) return
    const names = this.#named[slot] ?? []
    names.push(named)
    this.#named[slot] = names
  }

  /** The piece that was named, -1 for none; `undefined` when it had no grant. */
  started(slot: Slot, now: number): number | undefined {
    const named = this.#answer(slot)
    if (named === undefined) return undefined
    this.#sending[slot] = (this.#sending[slot] ?? 0) + 1
    this.#answeredAt[slot] = now
    return named
  }

  ended(slot: Slot): void {
    const sending = this.#sending[slot] ?? 0
    if (sending === 0) return
    this.#sending[slot] = sending - 1
    this.#taken -= 1
  }

  /** A neighbour that has not answered a grant for too long. */
  expired(now: number): Slot | undefined {
    if (this.#unanswered === 0) return undefined
    for (let slot = 0; slot < this.#map.end; slot++) {
      const ageMs = now - (this.#answeredAt[slot] ?? 0)
      if ((this.#granted[slot] ?? 0) > 0 && ageMs >= grantMs) return slot
    }
    return undefined
  }

  /** This host slept: nobody else is to blame for that time. */
  shift(byMs: number, now: number): void {
    for (let slot = 0; slot < this.#map.end; slot++) {
      this.#answeredAt[slot] = Math.min(now, (this.#answeredAt[slot] ?? 0) + byMs)
    }
  }

  #load(slot: Slot): number {
    return (this.#granted[slot] ?? 0) + (this.#sending[slot] ?? 0)
  }

  #answer(slot: Slot): number | undefined {
    const granted = this.#granted[slot] ?? 0
    if (granted === 0) return undefined
    this.#granted[slot] = granted - 1
    this.#unanswered -= 1
    return this.#named[slot]?.shift() ?? -1
  }

  #grow(capacity: number): void {
    this.#wants = enlarged(this.#wants, capacity)
    this.#granted = enlarged(this.#granted, capacity)
    this.#sending = enlarged(this.#sending, capacity)
    this.#answeredAt = enlarged(this.#answeredAt, capacity)
  }
}
