import type { Random } from '@damselfly/core'
import { eachBit } from './bits.ts'
import type { ClientParams } from './client-params.ts'
import type { Flow } from './flows.ts'
import { Giving } from './giving.ts'
import {
  type NeighbourTraits,
  originSlot,
  type RefreshReason,
  type Slot,
  type SwarmAction,
  type SwarmMessage,
} from './messages.ts'
import { maxNeighbours, PieceMap } from './piece-map.ts'
import { Receipts, type Received } from './receipts.ts'
import { activeNeighbour, type SwarmState } from './swarm-state.ts'
import { Taking } from './taking.ts'

export interface ExchangeOptions {
  readonly pieceCount: number
  /** Bytes of every piece but the last. */
  readonly pieceLength: number
  readonly contentLength: number
  readonly params: ClientParams
  /** Names the piece in every grant, so that each leaves here about once. */
  readonly isSeed: boolean
  readonly random: Random
  /** Neighbours at a time, at most 255. */
  readonly neighbourLimit?: number
  /** Pieces under way between two neighbours at a time. Default 1; more only when nobody else wants the slot. */
  readonly depth?: number
  /** The driver cannot tell the `progress` of a fetch: one of two copies that loses counts as a whole piece in vain. Default false. */
  readonly isBlind?: boolean
  /** Lets others take pieces. Default true. */
  readonly isSharing?: boolean
}

export type FailureKind =
  /** It sent something else. It is dropped. */
  | 'corrupt'
  /** It does not hold the piece (any more). */
  | 'missing'
  /** It has too much to do; it is left alone for a moment. */
  | 'busy'
  /** The driver has declined its grant: the piece is not to be fetched now after all. */
  | 'declined'
  /** Anything else; it is left alone for a moment, and dropped the second time in a row. */
  | 'broken'

const usualNeighbourLimit = 64
/** Fewer than these, and a loss is a reason to ask for more. */
const enoughNeighbours = 12
const maxStrikes = 2
/** A download that is slower than this share of the downlink for so long asks for more neighbours. */
const goodShare = 0.8
const slowForMs = 1_000
/** After a failure it is left alone for so long. */
const restMs = 300
/** Between two refreshes that nothing came of. */
const minRefreshPauseMs = 1_000
const maxRefreshPauseMs = 8_000
const none: SwarmAction[] = []

/**
 * One task on one host among its neighbours: what it holds, whom it takes which piece from, and whom it lets take one. It does no
 * I/O and knows no time: the driver tells it what happened (`receive`, `pieceArrived`, ...) and when (`now`, monotonic
 * milliseconds), then does what `takeActions` returns. Every call may produce actions.
 *
 * A piece changes hands so: the child says `interested`; the neighbour, when one of its slots is free, says `grant`; the
 * child chooses the piece and a `request` action has the driver fetch it, or it says `decline`. The neighbour's driver
 * calls `uploadStarted` and `uploadEnded`, the child's `pieceArrived` or `pieceFailed`. No message is lost between two
 * neighbours and their order is kept; else nothing is expected of when they come.
 *
 * While pieces are missing or sent, the driver tells the `progress` of each fetch, then calls `tick`, every 100 ms or so.
 */
export class Exchange {
  readonly #state: SwarmState
  readonly #limit: number
  readonly #taking: Taking
  readonly #giving: Giving
  readonly #receipts = new Receipts()
  #actions: SwarmAction[]
  #tickedAt: number | undefined
  #emptySince: number | undefined
  #slowSince: number | undefined
  #refreshAt = Number.NEGATIVE_INFINITY
  #refreshPauseMs = minRefreshPauseMs

  /** Nothing is wanted yet, see `want`. */
  constructor(options: ExchangeOptions) {
    const { pieceCount, pieceLength, contentLength, params, random } = options
    const lengthOf = (piece: number): number =>
      Math.min(pieceLength, contentLength - piece * pieceLength)
    this.#actions = []
    const map = new PieceMap(pieceCount)
    const bandwidth = { uplink: 0, downlink: 0 }
    const actions = this.#actions
    const { depth = 1, isBlind = false } = options
    const fixed = { map, actions, random, lengthOf, depth, isBlind }
    this.#state = { ...fixed, neighbours: [], params, ...bandwidth }
    this.#limit = Math.min(maxNeighbours, options.neighbourLimit ?? usualNeighbourLimit)
    this.#taking = new Taking(this.#state)
    this.#giving = new Giving(this.#state, options)
  }

  // What it knows.

  /** All that is wanted is here. */
  get isDone(): boolean {
    return this.#state.map.missing === 0
  }

  has(piece: number): boolean {
    return this.#state.map.isMine(piece)
  }

  /** Pieces that are here. */
  get held(): number {
    return this.#state.map.mineCount
  }

  /** Wanted, not here, and nobody on this host fetches it. */
  isOpen(piece: number): boolean {
    return this.#state.map.isOpen(piece)
  }

  get openCount(): number {
    return this.#state.map.openCount
  }

  /** What is being fetched from neighbours. */
  get flows(): readonly Flow[] {
    return this.#taking.flows
  }

  get neighbours(): number {
    return this.#state.map.neighbours
  }

  /** How many open pieces the neighbour could give. */
  openAt(slot: Slot): number {
    return this.#state.map.openAt(slot)
  }

  /** How many pieces the neighbour holds. */
  heldBy(slot: Slot): number {
    return this.#state.map.held(slot)
  }

  /** Pieces that may be in flight. */
  get concurrency(): number {
    return this.#taking.concurrency.limit
  }

  /** Pieces that may be sent at a time, and how many of these are granted or being sent. */
  get uploadSlots(): number {
    return this.#giving.slots
  }

  get uploads(): number {
    return this.#giving.taken
  }

  /** Bytes that were fetched in vain. */
  get wastedBytes(): number {
    return this.#taking.wastedBytes
  }

  /** What came since the last call, by whom; slow neighbours by number. */
  takeReport(): Received & { readonly slow: readonly Slot[] } {
    const { map, lengthOf } = this.#state
    const slow: Slot[] = []
    for (let slot = 0; slot < map.end; slot++) {
      if (map.isLive(slot) && this.#taking.pace.isSlow(slot, map.isNear(slot), lengthOf(0))) {
        slow.push(slot)
      }
    }
    return { ...this.#receipts.take(), slow }
  }

  // What the driver decides.

  /** Pieces of [first, end) are to be fetched, too. */
  want(first: number, end: number, now: number): void {
    this.#state.map.want(first, end)
    this.#taking.seekAll(now)
  }

  /** Nothing is to be fetched any more; what is under way is cancelled. */
  wantNothing(): void {
    this.#taking.cancelAll()
    this.#state.map.wantNothing()
  }

  /** Somebody reads and waits for this piece first; `undefined` when nobody does. */
  setReader(piece: number | undefined): void {
    this.#taking.reader = piece
  }

  /** What the scheduler says. */
  setParams(params: ClientParams): void {
    this.#state.params = params
    this.#taking.concurrency.params = params
  }

  /** Bytes per second that this host can send and receive; 0 when unknown. */
  setBandwidth(uplink: number, downlink: number): void {
    this.#state.uplink = uplink
    this.#state.downlink = downlink
  }

  /** Somebody else on this host fetches the piece (the origin, another download), so nobody here is to; or has given up. */
  reserve(piece: number, on: boolean, now: number): void {
    this.#taking.reserve(piece, on)
    if (!on) this.#taking.seekAll(now)
  }

  /** Its number, or `undefined` when there are too many. */
  addNeighbour(traits: NeighbourTraits, now: number): Slot | undefined {
    const { map, neighbours } = this.#state
    if (map.neighbours >= this.#limit) return undefined
    const slot = map.add(traits.isNear)
    const { isSeed, isNear, grants } = traits
    const times = { heardAt: now, restsUntil: 0 }
    neighbours[slot] = { isSeed, isNear, grants, strikes: 0, ...times, isDropped: false }
    this.#giving.add(slot)
    this.#taking.add(slot, neighbours[slot])
    if (map.mineCount > 0) this.#say(slot, { kind: 'inventory', words: map.inventory() })
    return slot
  }

  /** Its link is gone, or it has been dropped; the number is free. */
  removeNeighbour(slot: Slot, now: number): void {
    const { map, neighbours } = this.#state
    const neighbour = neighbours[slot]
    if (neighbour === undefined) return
    this.#taking.remove(slot, neighbour)
    map.remove(slot)
    neighbours[slot] = undefined
    this.#giving.remove(slot, now)
    this.#taking.seekAll(now)
    const isLoss = !neighbour.isDropped && !this.isDone && map.neighbours < enoughNeighbours
    if (isLoss && now >= this.#refreshAt) this.#refresh([], 'lost', now)
  }

  // What happens.

  receive(slot: Slot, message: SwarmMessage, now: number): void {
    const neighbour = activeNeighbour(this.#state, slot)
    if (neighbour === undefined) return
    neighbour.heardAt = now
    switch (message.kind) {
      case 'have':
        for (const piece of message.pieces) this.#neighbourHas(slot, piece)
        this.#taking.seek(slot, now)
        break
      case 'lost':
        for (const piece of message.pieces) {
          if (this.#state.map.isPiece(piece)) this.#state.map.neighbourLost(slot, piece)
        }
        break
      case 'inventory':
        this.#inventory(slot, message.words)
        this.#taking.seek(slot, now)
        break
      case 'fetching':
        for (const piece of message.pieces) {
          if (this.#state.map.isPiece(piece)) {
            this.#state.map.neighbourFetches(slot, piece, message.on)
          }
        }
        break
      case 'interested':
        this.#giving.interested(slot, now)
        break
      case 'grant':
        this.#taking.granted(slot, neighbour, { named: message.piece, now })
        break
      case 'decline':
        this.#giving.declined(slot, now)
        break
      default:
        message satisfies never
    }
  }

  /** So many bytes of a piece have come from there. */
  progress(slot: Slot, piece: number, bytes: number, now: number): void {
    const more = this.#taking.progress(slot, piece, bytes, now)
    if (more === 0) return
    const neighbour = this.#state.neighbours[slot]
    if (neighbour !== undefined) neighbour.heardAt = now
    this.#receipts.add(this.#kindOf(slot), more)
  }

  /** For drivers that cannot see bytes come: the neighbour says that it is sending. */
  alive(slot: Slot, now: number): void {
    this.#taking.alive(slot, now)
  }

  /** The piece is here and verified; from `originSlot` also what another download brought. */
  pieceArrived(slot: Slot, piece: number, now: number): void {
    const { map, lengthOf, neighbours } = this.#state
    const flow = this.#taking.arrived(slot, piece, now)
    const bytes = lengthOf(piece) - (flow?.bytes ?? 0)
    this.#receipts.add(this.#kindOf(slot), bytes)
    const neighbour = neighbours[slot]
    if (neighbour !== undefined) {
      neighbour.strikes = 0
      neighbour.heardAt = now
    }
    this.#refreshPauseMs = minRefreshPauseMs
    if (map.arrived(piece) && map.neighbours > 0)
      this.#say('all', { kind: 'have', pieces: [piece] })
    this.#taking.seekAll(now)
    this.#giving.grantFree(now)
  }

  /** The piece did not come. */
  pieceFailed(slot: Slot, piece: number, kind: FailureKind, now: number): void {
    this.#taking.failed(slot, piece)
    const neighbour = activeNeighbour(this.#state, slot)
    if (kind === 'declined') this.#taking.forgetInterest(slot)
    if (kind === 'missing') this.#state.map.neighbourLost(slot, piece)
    else if (kind === 'corrupt') this.#strike(slot, maxStrikes, { reason: 'lost', now })
    else if (neighbour !== undefined && neighbour.restsUntil <= now) {
      // What fails together is one failure.
      neighbour.restsUntil = now + restMs
      if (kind === 'broken') this.#strike(slot, 1, { reason: 'lost', now })
    }
    this.#taking.seekAll(now)
  }

  /** A piece that was here turned out to be bad. */
  pieceLost(piece: number, now: number): void {
    const { map } = this.#state
    if (!map.isMine(piece)) return
    map.lost(piece)
    if (map.neighbours > 0) this.#say('all', { kind: 'lost', pieces: [piece] })
    this.#taking.seekAll(now)
  }

  /**
   * The neighbour fetches the piece from here. False when it has no grant: it has waited too long, or never asks for one; then it
   * may wait its turn behind those that have.
   */
  uploadStarted(slot: Slot, piece: number, now: number): boolean {
    return this.#giving.started(slot, piece, now)
  }

  /** That is over, however; `isWhole` says that it was not broken off. */
  uploadEnded(slot: Slot, now: number, isWhole: boolean): void {
    this.#giving.ended(slot, now, isWhole)
  }

  /** Time passes: looks for what stalls, is late or is missing, and for everything that could begin. */
  tick(now: number): void {
    this.#wake(now)
    this.#taking.markOverdue(now)
    for (const slot of this.#taking.takeStalled(now)) this.#stalled(slot, now)
    const rate = this.#receipts.rate(now)
    this.#taking.concurrency.review(now, rate, this.#state.downlink)
    this.#taking.seekAll(now)
    this.#giving.tick(now)
    this.#checkStarved(now)
    this.#checkSlow(now, rate)
  }

  /** What is to be done, in this order. */
  takeActions(): readonly SwarmAction[] {
    if (this.#actions.length === 0) return none
    return this.#actions.splice(0)
  }

  /** A tick that comes much too late says that this host slept, not that the others did. */
  #wake(now: number): void {
    const gapMs = now - (this.#tickedAt ?? now)
    this.#tickedAt = now
    if (gapMs < this.#state.params.stallMs / 2) return
    this.#taking.shift(gapMs, now)
    this.#giving.shift(gapMs, now)
    for (const neighbour of this.#state.neighbours) {
      if (neighbour !== undefined) neighbour.heardAt = Math.min(now, neighbour.heardAt + gapMs)
    }
  }

  #neighbourHas(slot: Slot, piece: number): void {
    if (this.#state.map.isPiece(piece)) this.#state.map.neighbourHas(slot, piece)
  }

  #inventory(slot: Slot, words: Uint32Array): void {
    const count = Math.min(words.length, this.#state.map.words)
    for (let word = 0; word < count; word++) {
      eachBit(words[word] ?? 0, word, (piece) => this.#neighbourHas(slot, piece))
    }
  }

  /** A neighbour from which nothing at all came is as good as dead; one that talks has another chance. */
  #stalled(slot: Slot, now: number): void {
    const neighbour = activeNeighbour(this.#state, slot)
    if (neighbour === undefined) return
    const isFrozen = now - neighbour.heardAt >= this.#state.params.stallMs / 2
    this.#strike(slot, isFrozen ? maxStrikes : 1, { reason: isFrozen ? 'lost' : 'slow', now })
  }

  #strike(
    slot: Slot,
    count: number,
    { reason, now }: { reason: RefreshReason; now: number },
  ): void {
    const neighbour = activeNeighbour(this.#state, slot)
    if (neighbour === undefined) return
    neighbour.strikes += count
    if (neighbour.strikes < maxStrikes) return
    neighbour.isDropped = true
    this.#refresh([slot], reason, now)
  }

  /** Nothing in flight, nothing that could be begun: others may have more. */
  #checkStarved(now: number): void {
    const { map, params } = this.#state
    if (map.missing === 0 || !this.#taking.isIdle) this.#emptySince = undefined
    else this.#emptySince ??= now
    const isStarved = this.#emptySince !== undefined && now - this.#emptySince >= params.starvedMs
    if (isStarved && now >= this.#refreshAt) this.#refresh(this.#useless(), 'starved', now)
  }

  /** The downlink has much room, and there could be more neighbours to fill it. */
  #checkSlow(now: number, rate: number): void {
    const { map, downlink } = this.#state
    const isSlow = map.openCount > 0 && rate < goodShare * downlink
    if (!isSlow || map.neighbours >= 2 * enoughNeighbours) this.#slowSince = undefined
    else this.#slowSince ??= now
    const isLong = this.#slowSince !== undefined && now - this.#slowSince >= slowForMs
    if (isLong && now >= this.#refreshAt) this.#refresh([], 'slow', now)
  }

  /** With more neighbours than needed, one that holds nothing we lack: somebody better may take its place. */
  #useless(): Slot[] {
    const { map } = this.#state
    if (map.neighbours < 2 * enoughNeighbours) return []
    for (let slot = 0; slot < map.end; slot++) {
      const neighbour = activeNeighbour(this.#state, slot)
      if (neighbour === undefined || map.held(slot) > map.mineCount || map.openAt(slot) > 0)
        continue
      neighbour.isDropped = true
      return [slot]
    }
    return []
  }

  #refresh(drop: readonly Slot[], reason: RefreshReason, now: number): void {
    this.#state.actions.push({ kind: 'refresh', drop, reason })
    this.#refreshAt = now + this.#refreshPauseMs
    this.#refreshPauseMs = Math.min(maxRefreshPauseMs, this.#refreshPauseMs * 2)
  }

  #kindOf(slot: Slot): 'origin' | 'seed' | 'near' | 'far' {
    const neighbour = this.#state.neighbours[slot]
    if (slot === originSlot || neighbour === undefined) return 'origin'
    if (neighbour.isSeed) return 'seed'
    return neighbour.isNear ? 'near' : 'far'
  }

  #say(to: Slot | 'all' | 'near', message: SwarmMessage): void {
    this.#state.actions.push({ kind: 'send', to, message })
  }
}
