import { Grants } from './grants.ts'
import { grantAny, type Slot } from './messages.ts'
import { SuperSeed } from './super-seed.ts'
import type { SwarmState } from './swarm-state.ts'
import { type FairShare, UploadSlots } from './upload-slots.ts'

/** The upload side of an exchange: whom this host lets take a piece, and, as a seed, which one. */
export class Giving {
  readonly #state: SwarmState
  readonly #grants: Grants
  readonly #superSeed: SuperSeed | undefined
  readonly #isSharing: boolean
  readonly #slots = new UploadSlots()
  /** By neighbour, the pieces that are being sent and since when, the oldest first: they end in their order. */
  readonly #sending: { readonly piece: number; readonly since: number }[][] = []

  constructor(
    state: SwarmState,
    { isSeed, isSharing = true }: { readonly isSeed: boolean; readonly isSharing?: boolean },
  ) {
    this.#state = state
    this.#isSharing = isSharing
    this.#grants = new Grants(state.map, state.depth, state.random)
    this.#superSeed = isSeed ? new SuperSeed(state.map) : undefined
  }

  /** Pieces that may be sent at a time. */
  get slots(): number {
    if (!this.#isSharing) return 0
    return this.#slots.count(this.#share)
  }

  /** Slots that are granted or being used. */
  get taken(): number {
    return this.#grants.taken
  }

  add(slot: Slot): void {
    this.#grants.add(slot)
  }

  remove(slot: Slot, now: number): void {
    this.#sending[slot] = []
    this.#grants.remove(slot)
    this.grantFree(now)
  }

  interested(slot: Slot, now: number): void {
    this.#grants.interested(slot)
    this.grantFree(now)
  }

  declined(slot: Slot, now: number): void {
    const named = this.#grants.declined(slot)
    if (named !== undefined && named >= 0) this.#superSeed?.returned(named)
    this.grantFree(now)
  }

  /** False when the neighbour takes a piece without having been granted one (any more). */
  started(slot: Slot, piece: number, now: number): boolean {
    const named = this.#grants.started(slot, now)
    if (named === undefined) return false
    const sending = this.#sending[slot] ?? []
    sending.push({ piece, since: now })
    this.#sending[slot] = sending
    if (named !== piece) {
      if (named >= 0) this.#superSeed?.returned(named)
      this.#superSeed?.given(piece)
    }
    return true
  }

  /** `isWhole`: the piece was sent to its end. */
  ended(slot: Slot, now: number, isWhole: boolean): void {
    const sent = this.#sending[slot]?.shift()
    if (isWhole && sent !== undefined && now > sent.since && this.taken >= this.slots) {
      const bytes = this.#state.lengthOf(sent.piece)
      this.#slots.sent((bytes * 1_000) / (now - sent.since), this.#share)
    }
    this.#grants.ended(slot)
    this.grantFree(now)
  }

  tick(now: number): void {
    for (;;) {
      const slot = this.#grants.expired(now)
      if (slot === undefined) break
      this.declined(slot, now)
    }
    this.grantFree(now)
  }

  shift(byMs: number, now: number): void {
    this.#grants.shift(byMs, now)
  }

  /** Grants each free slot to somebody who wants it. */
  grantFree(now: number): void {
    const slots = this.slots
    while (this.#grants.taken < slots) {
      const slot = this.#grants.next()
      if (slot === undefined) return
      const named = this.#name(slot)
      this.#grants.grant(slot, named, now)
      const message = named < 0 ? grantAny : ({ kind: 'grant', piece: named } as const)
      this.#state.actions.push({ kind: 'send', to: slot, message })
    }
  }

  get #share(): FairShare {
    const { params, uplink } = this.#state
    return { concurrency: params.concurrency, meanUplink: params.meanUplink, uplink }
  }

  #name(slot: Slot): number {
    if (this.#superSeed === undefined) return -1
    const piece = this.#superSeed.choose(slot, this.#state.random)
    if (piece >= 0) this.#superSeed.given(piece)
    return piece
  }
}
