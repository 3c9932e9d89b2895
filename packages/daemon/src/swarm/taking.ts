import { randomInt } from '@damselfly/core'
import { Concurrency } from './concurrency.ts'
import { type Flow, Flows } from './flows.ts'
import { HedgeBudget } from './hedge-budget.ts'
import { type DeclineReason, declines, interested, type Slot } from './messages.ts'
import { Pace } from './pace.ts'
import { enlarged } from './piece-map.ts'
import { rarest } from './rarest.ts'
import { activeNeighbour, type Neighbour, type SwarmState } from './swarm-state.ts'

/** How often a slow neighbour is tried nevertheless: it may have become faster. */
const probeShare = 0.03
const slowRestMs = 1_000
/**
 * Our interest in a neighbour that has granted nothing for so long is told again: it may have taken a grant of which we heard late
 * for declined.
 */
const repeatMs = 3_000
/** Below this no piece is late, whatever is usual: timers and queues alone take so long. */
const hedgeFloorMs = 200

/**
 * The download side of an exchange: which piece is taken from whom. A neighbour grants, and only then the piece is chosen (late
 * binding): what was planned long before would be out of date.
 */
export class Taking {
  readonly pace = new Pace()
  readonly concurrency: Concurrency
  readonly #state: SwarmState
  readonly #flows = new Flows()
  readonly #hedges = new HedgeBudget()
  /** By neighbour: it knows until then that we would take a piece; 0 when it does not. */
  #knowsUntil = new Float64Array(16)
  /** Pieces that others of this host fetch, say from the origin. */
  readonly #reserved = new Set<number>()
  /** Of those that may be asked without a grant. */
  #strangers = 0
  /** When something last was asked for, or came. */
  #activeAt: number | undefined
  /** Nothing was in flight for so long that far neighbours may give what somebody near has; until one near gives again. */
  #isGraceOver = false
  #reader: number | undefined
  #wastedBytes = 0

  constructor(state: SwarmState) {
    this.#state = state
    this.concurrency = new Concurrency(state.params)
  }

  get flows(): readonly Flow[] {
    return this.#flows.all
  }

  /** Nothing comes, from nobody. */
  get isIdle(): boolean {
    return this.#flows.size === 0 && this.#reserved.size === 0
  }

  /** Bytes that came in vain. */
  get wastedBytes(): number {
    return this.#wastedBytes
  }

  /** The first byte that a reader waits for is in this piece; `undefined` when nobody reads. */
  set reader(piece: number | undefined) {
    this.#reader = piece
  }

  add(slot: Slot, neighbour: Neighbour): void {
    this.pace.forget(slot)
    if (slot >= this.#knowsUntil.length) this.#knowsUntil = enlarged(this.#knowsUntil, slot * 2)
    this.forgetInterest(slot)
    if (!neighbour.grants) this.#strangers += 1
  }

  /** The neighbour does not know (any more) that we would take a piece. */
  forgetInterest(slot: Slot): void {
    this.#knowsUntil[slot] = 0
  }

  /** Before the neighbour is forgotten; its pieces are free again. */
  remove(slot: Slot, neighbour: Neighbour): void {
    if (!neighbour.grants) this.#strangers -= 1
    for (const flow of [...this.#flows.all]) if (flow.slot === slot) this.#giveUp(flow)
  }

  /** The neighbour lets us take a piece. */
  granted(
    slot: Slot,
    neighbour: Neighbour,
    offer: { named: number | undefined; now: number },
  ): void {
    const choice = this.#choose(slot, neighbour, offer)
    if (typeof choice === 'number') {
      if (this.#knowsUntil[slot] !== 0) this.#knowsUntil[slot] = offer.now + repeatMs
      return
    }
    this.forgetInterest(slot)
    this.#state.actions.push({ kind: 'send', to: slot, message: declines[choice] })
  }

  /** Ends the fetch of a piece that has arrived; `undefined` when it was not known (any more). */
  arrived(slot: Slot, piece: number, now: number): Flow | undefined {
    const flow = this.#flows.find(slot, piece)
    const { map, lengthOf } = this.#state
    const bytes = lengthOf(piece)
    this.#activeAt = now
    if (flow !== undefined) {
      const isNear = map.isNear(slot)
      const fullBytes = lengthOf(0)
      this.pace.observe(slot, isNear, { bytes, fullBytes, ms: now - flow.startedAt })
      this.#flows.end(flow)
    }
    if (map.isMine(piece)) this.#wastedBytes += bytes
    this.#cancelOthers(piece, flow !== undefined)
    this.#reserved.delete(piece)
    return flow
  }

  /** The piece is here: whoever else brings it does so in vain. */
  #cancelOthers(piece: number, isOneOver: boolean): void {
    const others = this.#flows.all.filter((flow) => flow.piece === piece)
    const bytes = others.reduce((sum, flow) => sum + this.#lostWith(flow), 0)
    if (others.length + (isOneOver ? 1 : 0) > 1) {
      this.#hedges.end(bytes / this.#state.lengthOf(piece))
    }
    this.#wastedBytes += bytes
    for (const flow of others) {
      this.#flows.end(flow)
      this.#state.actions.push({ kind: 'cancel', slot: flow.slot, piece })
    }
  }

  /** Bytes that came in vain, at most, when one of two copies is given up. */
  #lostWith({ piece, bytes }: Flow): number {
    return this.#state.isBlind ? this.#state.lengthOf(piece) : bytes
  }

  /** Ends the fetch of a piece that did not arrive. */
  failed(slot: Slot, piece: number): void {
    const flow = this.#flows.find(slot, piece)
    if (flow !== undefined) this.#abandon(flow)
  }

  cancelAll(): void {
    for (const flow of [...this.#flows.all]) this.#giveUp(flow)
  }

  /** Ends a fetch that brings nothing. */
  #giveUp(flow: Flow): void {
    this.#abandon(flow)
    this.#state.actions.push({ kind: 'cancel', slot: flow.slot, piece: flow.piece })
  }

  #abandon(flow: Flow): void {
    const { map, lengthOf } = this.#state
    const isDuplicate = this.#flows.of(flow.piece) > 1
    const lost = isDuplicate ? this.#lostWith(flow) : flow.bytes
    if (isDuplicate) this.#hedges.end(lost / lengthOf(flow.piece))
    this.#wastedBytes += lost
    this.#flows.end(flow)
    this.#settle(flow.piece)
    if (map.hasFar && !map.isMine(flow.piece)) this.#tellFetching(flow.piece, false)
  }

  /** Somebody else of this host fetches the piece, or has given up. */
  reserve(piece: number, on: boolean): void {
    if (on) this.#reserved.add(piece)
    else this.#reserved.delete(piece)
    this.#settle(piece)
    if (this.#state.map.hasFar) this.#tellFetching(piece, on)
  }

  /** The neighbour says that it sends, which is all that can be seen. */
  alive(slot: Slot, now: number): void {
    for (const flow of this.#flows.all) if (flow.slot === slot) flow.progressAt = now
  }

  progress(slot: Slot, piece: number, bytes: number, now: number): number {
    const flow = this.#flows.find(slot, piece)
    if (flow === undefined || bytes <= flow.bytes) return 0
    const more = bytes - flow.bytes
    flow.bytes = bytes
    flow.progressAt = now
    return more
  }

  /** Frees the pieces of which nothing came for too long; returns their neighbours. */
  takeStalled(now: number): Slot[] {
    const { stallMs } = this.#state.params
    const stalled = this.#flows.all.filter((flow) => now - flow.progressAt >= stallMs)
    for (const flow of stalled) this.#giveUp(flow)
    return stalled.map(({ slot }) => slot)
  }

  shift(byMs: number, now: number): void {
    this.#flows.shift(byMs, now)
  }

  /** Looks for pieces that are late, and tells all who could help of our interest. */
  markOverdue(now: number): void {
    const { map, params } = this.#state
    // Nothing left to begin: who is done need not wait for the last ones.
    const factor = map.openCount === 0 ? params.hedgeFactor / 2 : params.hedgeFactor
    for (const flow of this.#flows.all) {
      const usualMs = this.pace.usualMs(map.isNear(flow.slot))
      if (usualMs === undefined) continue
      flow.isOverdue = now - flow.startedAt > Math.max(hedgeFloorMs, factor * usualMs)
      if (!flow.isOverdue || !this.#mayHedge(flow.piece)) continue
      for (let slot = 0; slot < map.end; slot++) {
        const neighbour = activeNeighbour(this.#state, slot)
        const isOther = neighbour?.grants === true && slot !== flow.slot
        if (isOther && map.holds(slot, flow.piece)) this.#tell(slot, now)
      }
    }
  }

  /** Tells every neighbour of our interest that has something for us, and asks those that need no telling. */
  seekAll(now: number): void {
    const { map } = this.#state
    if (map.hasFar) this.#watchGrace(now)
    if (this.#strangers > 0) this.#askStrangers(now)
    if (map.openCount === 0 || this.#isFull()) return
    for (let slot = 0; slot < map.end; slot++) if (!this.#knows(slot, now)) this.seek(slot, now)
  }

  /** The same for one. */
  seek(slot: Slot, now: number): void {
    if (this.#knows(slot, now)) return
    const neighbour = activeNeighbour(this.#state, slot)
    if (neighbour === undefined) return
    if (!neighbour.grants) {
      this.#askStrangers(now)
      return
    }
    if (neighbour.restsUntil > now || this.#isFull()) return
    if (this.#flows.from(slot) >= this.#state.depth) return
    if (this.#hasSomething(slot)) this.#tell(slot, now)
  }

  /** It knows that we would take a piece. Asked of everybody after every piece, so it looks at one column only. */
  #knows(slot: Slot, now: number): boolean {
    return now < (this.#knowsUntil[slot] ?? 0)
  }

  #tell(slot: Slot, now: number): void {
    if (this.#knows(slot, now)) return
    this.#knowsUntil[slot] = now + repeatMs
    this.#state.actions.push({ kind: 'send', to: slot, message: interested })
  }

  #isFull(): boolean {
    const { limit } = this.concurrency
    // Late pieces make room, but not for any number of others.
    return this.#flows.counted >= limit || this.#flows.size >= 2 * limit
  }

  #hasSomething(slot: Slot): boolean {
    const { map } = this.#state
    if (map.openAt(slot) > 0) return true
    if (map.isNear(slot) || !this.#isGraceOver) return false
    for (let word = 0; word < map.words; word++)
      if (map.openWord(slot, word, true) !== 0) return true
    return false
  }

  /** What is announced near may never come: after a while without anything it is taken from far, rather twice than never. */
  #watchGrace(now: number): void {
    this.#activeAt ??= now
    if (this.#flows.size > 0 || now - this.#activeAt < this.#state.params.farGraceMs) return
    this.#isGraceOver = true
  }

  #choose(
    slot: Slot,
    neighbour: Neighbour,
    { named, now }: { named: number | undefined; now: number },
  ): number | DeclineReason {
    if (this.#flows.from(slot) >= this.#state.depth) return 'full'
    if (neighbour.restsUntil > now) return 'nothing'
    if (this.#isFull()) {
      this.concurrency.refused()
      return this.#hedge(slot, now) ?? 'full'
    }
    const piece = this.#pick(slot, named)
    if (piece < 0) return this.#hedge(slot, now) ?? 'nothing'
    if (this.#avoids(slot, piece)) {
      neighbour.restsUntil = now + slowRestMs
      return 'nothing'
    }
    this.#begin(slot, piece, { isHedge: false, now })
    return piece
  }

  #pick(slot: Slot, named: number | undefined): number {
    const { map, params, random } = this.#state
    const fromFarToo = map.isNear(slot) || this.#isGraceOver
    if (named !== undefined && map.isPiece(named) && map.holds(slot, named) && map.isOpen(named)) {
      if (fromFarToo || !map.isCovered(named)) return named
    }
    if (map.openAt(slot) === 0 && (map.isNear(slot) || !fromFarToo)) return -1
    const all = { first: 0, end: map.pieceCount, fromFarToo }
    const hole = this.#reader === undefined ? undefined : map.firstHole(this.#reader)
    if (hole === undefined) return rarest(map, slot, all, random)
    this.#reader = hole
    const window = { ...all, first: hole, end: Math.min(map.pieceCount, hole + params.window) }
    const near = rarest(map, slot, window, random)
    return near >= 0 ? near : rarest(map, slot, all, random)
  }

  /** A slow neighbour is left alone when others have the piece, except for a probe now and then. */
  #avoids(slot: Slot, piece: number): boolean {
    const { random } = this.#state
    if (!this.#isSlow(slot) || !this.#hasFasterHolder(slot, piece)) return false
    return random.next() >= probeShare
  }

  #isSlow(slot: Slot): boolean {
    const { map, lengthOf } = this.#state
    return this.pace.isSlow(slot, map.isNear(slot), lengthOf(0))
  }

  /** When all that are left are slow, waiting for a faster one would be in vain. */
  #hasFasterHolder(slot: Slot, piece: number): boolean {
    const { map } = this.#state
    if ((map.holders[piece] ?? 0) <= 1) return false
    for (let other = 0; other < map.end; other++) {
      const isHolder = other !== slot && map.isLive(other) && map.holds(other, piece)
      if (isHolder && !this.#isSlow(other)) return true
    }
    return false
  }

  /** Asks for a late piece a second time, if one is to be had there. */
  #hedge(slot: Slot, now: number): number | undefined {
    const { map } = this.#state
    if (this.#isSlow(slot)) return undefined
    const late = this.#flows.all.find(
      ({ isOverdue, piece, slot: from }) =>
        isOverdue && from !== slot && map.holds(slot, piece) && this.#mayHedge(piece),
    )
    if (late === undefined) return undefined
    this.#hedges.begin()
    this.#begin(slot, late.piece, { isHedge: true, now })
    return late.piece
  }

  #mayHedge(piece: number): boolean {
    return this.#hedges.isAllowed(this.#state.map.pieceCount) && this.#flows.of(piece) === 1
  }

  #begin(slot: Slot, piece: number, { isHedge, now }: { isHedge: boolean; now: number }): void {
    const { map, actions } = this.#state
    this.#flows.begin(slot, piece, isHedge, now)
    this.#settle(piece)
    this.#activeAt = now
    if (map.isNear(slot)) this.#isGraceOver = false
    actions.push({ kind: 'request', slot, piece, isHedge })
    if (map.hasFar && !isHedge) this.#tellFetching(piece, true)
  }

  #tellFetching(piece: number, on: boolean): void {
    const message = { kind: 'fetching', pieces: [piece], on } as const
    this.#state.actions.push({ kind: 'send', to: 'near', message })
  }

  /** Says whether somebody fetches the piece. */
  #settle(piece: number): void {
    this.#state.map.setBusy(piece, this.#flows.of(piece) > 0 || this.#reserved.has(piece))
  }

  /** Those that know no grants: the least busy one first, seeds last, as long as there is room. */
  #askStrangers(now: number): void {
    for (;;) {
      const slot = this.#leastBusyStranger()
      const neighbour = slot === undefined ? undefined : activeNeighbour(this.#state, slot)
      if (slot === undefined || neighbour === undefined || this.#isFull()) return
      const piece = this.#pick(slot, undefined)
      if (piece < 0) return
      this.#begin(slot, piece, { isHedge: false, now })
    }
  }

  #leastBusyStranger(): Slot | undefined {
    const { map, random } = this.#state
    const slots = Math.max(1, Math.ceil(this.concurrency.limit / 2))
    let chosen: Slot | undefined
    let least = Number.POSITIVE_INFINITY
    let equals = 0
    for (let slot = 0; slot < map.end; slot++) {
      const neighbour = activeNeighbour(this.#state, slot)
      if (neighbour === undefined || neighbour.grants || map.openAt(slot) === 0) continue
      const flows = this.#flows.from(slot)
      // Less than one piece, so it decides between equally busy ones only.
      const load = flows + (neighbour.isSeed ? 0.5 : 0)
      if (flows >= slots || load > least) continue
      equals = load < least ? 1 : equals + 1
      if (equals === 1 || randomInt(random, equals) === 0) chosen = slot
      least = load
    }
    return chosen
  }
}
