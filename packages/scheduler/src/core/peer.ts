import type { HostId, PeerId, PieceGeometry, PieceInterval, Validators } from '@damselfly/core'
import { peerPhase } from '@damselfly/policy'
import { flag, type PeerTable } from './columns/peer-table.ts'
import type { DownloadFacts } from './facts.ts'
import type { Host } from './host.ts'
import { type PeerState, peerStateNumber, peerStates } from './peer-state.ts'
import { PieceSet } from './piece-set.ts'
import type { Lease, Task } from './resources.ts'

/** What only few peers have. */
interface Trouble {
  /** Hosts that this peer does not want as parents, and until when. */
  readonly blocked: Map<HostId, number>
  /** Temporary failures per host since it was last blocked. */
  readonly pieceFailures: Map<HostId, number>
  /** How often it has lost each host. */
  readonly losses: Map<HostId, number>
  /** The origin's last status in a failure report. */
  sourceStatus: number | undefined
}

interface PeerInit {
  readonly id: PeerId
  readonly host: Host
  readonly task: Task
  readonly facts: DownloadFacts
}

/** A task on a host: the cold facts, and a handle to the row with the hot ones. */
export class Peer {
  readonly id: PeerId
  readonly slot: number
  readonly host: Host
  readonly task: Task
  facts: DownloadFacts
  /** `undefined` while the peer does not know the length: then the content counts as one piece. */
  geometry: PieceGeometry | undefined = undefined
  /** Of the version that it has or wants; `undefined` while nobody has said which. */
  validators: Validators | undefined = undefined
  lease: Lease | undefined = undefined
  #trouble: Trouble | undefined = undefined
  readonly #table: PeerTable

  constructor(table: PeerTable, { id, host, task, facts }: PeerInit) {
    this.id = id
    this.host = host
    this.task = task
    this.facts = facts
    this.#table = table
    this.slot = table.take()
    table.objects[this.slot] = this
    table.host[this.slot] = host.slot
    table.task[this.slot] = task.number
    this.state = 'Pending'
  }

  get state(): PeerState {
    return peerStates[this.#table.state[this.slot] as number] as PeerState
  }

  set state(state: PeerState) {
    this.#table.state[this.slot] = peerStateNumber[state]
    this.#setPhase(phases[state])
    this.#setFlag(flag.meshed, false)
  }

  get isStreamOpen(): boolean {
    return this.#hasFlag(flag.streamOpen)
  }

  set isStreamOpen(isOpen: boolean) {
    this.#setFlag(flag.streamOpen, isOpen)
  }

  /** It asked for parents and has not been answered. */
  get isWaiting(): boolean {
    return this.#hasFlag(flag.waiting)
  }

  set isWaiting(isWaiting: boolean) {
    this.#setFlag(flag.waiting, isWaiting)
  }

  /** A daemon of ours that has been given neighbours and not said yet that it began: others may name it already. */
  get isMeshed(): boolean {
    return this.#hasFlag(flag.meshed)
  }

  set isMeshed(isMeshed: boolean) {
    this.#setFlag(flag.meshed, isMeshed)
    if (isMeshed && this.#table.phase[this.slot] === peerPhase.waiting) {
      this.#setPhase(peerPhase.running)
    }
  }

  get wanted(): PieceInterval {
    const { first, end } = this.#table
    return { first: first[this.slot] as number, end: end[this.slot] as number }
  }

  set wanted({ first, end }: PieceInterval) {
    this.#table.first[this.slot] = first
    this.#table.end[this.slot] = end
  }

  /** Answers given on the current stream; counts up to 255. */
  get answers(): number {
    return this.#table.answers[this.slot] as number
  }

  set answers(count: number) {
    this.#table.answers[this.slot] = Math.min(count, 0xff)
  }

  get createdAt(): number {
    return this.#table.createdAt[this.slot] as number
  }

  set createdAt(ms: number) {
    this.#table.createdAt[this.slot] = ms
  }

  /** When it last moved: a message about its state or a piece, or an answer. */
  get updatedAt(): number {
    return this.#table.updatedAt[this.slot] as number
  }

  set updatedAt(ms: number) {
    this.#table.updatedAt[this.slot] = ms
  }

  /** Bytes per second that it last told. */
  get rate(): number {
    return this.#table.rate[this.slot] as number
  }

  set rate(bytesPerSec: number) {
    this.#table.rate[this.slot] = bytesPerSec
  }

  get childCount(): number {
    return this.#table.children[this.slot] as number
  }

  /** Could be somebody's parent; see `refreshUsable`. */
  get isUsable(): boolean {
    return this.#hasFlag(flag.usable)
  }

  get parents(): Peer[] {
    const table = this.#table
    const parents: Peer[] = []
    for (let i = 0; i < (table.inDegree[this.slot] as number); i++) {
      const slot = table.parent(this.slot, i)
      if (slot !== undefined) parents.push(table.get(slot))
    }
    return parents
  }

  set parents(parents: readonly Peer[]) {
    this.#table.setParents(
      this.slot,
      parents.map(({ slot }) => slot),
    )
  }

  get parentCount(): number {
    return this.#table.parentSlots(this.slot).length
  }

  hasParent(parent: Peer): boolean {
    return this.#table.hasParent(this.slot, parent.slot)
  }

  /** Nobody downloads from this peer any more. */
  dropChildren(): void {
    this.#table.moveOn(this.slot)
  }

  get blocked(): ReadonlyMap<HostId, number> {
    return this.#trouble?.blocked ?? noHosts
  }

  get sourceStatus(): number | undefined {
    return this.#trouble?.sourceStatus
  }

  get trouble(): Trouble {
    this.#trouble ??= {
      blocked: new Map(),
      pieceFailures: new Map(),
      losses: new Map(),
      sourceStatus: undefined,
    }
    return this.#trouble
  }

  forgetTrouble(): void {
    this.#trouble = undefined
  }

  get pieceCount(): number {
    return this.geometry?.pieceCount ?? 1
  }

  /** Pieces held. */
  get heldCount(): number {
    return this.#table.have[this.slot] as number
  }

  get isWhole(): boolean {
    return this.#hasFlag(flag.whole)
  }

  holds(piece: number): boolean {
    if (this.isWhole) return piece < this.pieceCount
    const { bitmap, bitmaps } = this.#table
    const offset = bitmap[this.slot] as number
    if (offset === 0 || piece >= this.pieceCount) return false
    return ((bitmaps.words[offset + (piece >>> 5)] as number) & (1 << (piece & 31))) !== 0
  }

  /** True when it was not held before. The piece must be below `pieceCount`. */
  hold(piece: number): boolean {
    if (this.holds(piece)) return false
    const offset = this.#bitmap()
    const { words } = this.#table.bitmaps
    const at = offset + (piece >>> 5)
    words[at] = (words[at] as number) | (1 << (piece & 31))
    this.#setCount(this.heldCount + 1)
    return true
  }

  /** What is beyond its pieces does not count. */
  holdAll(pieces: PieceSet): void {
    const all = this.held()
    all.addAll(pieces)
    all.removeInterval({ first: this.pieceCount, end: Number.POSITIVE_INFINITY })
    const { count } = all
    if (count === 0) return
    if (count < this.pieceCount) {
      const offset = this.#bitmap()
      all.copyTo(this.#table.bitmaps.words, offset, this.#wordCount)
    }
    this.#setCount(count)
  }

  forgetPieces(): void {
    const table = this.#table
    const offset = table.bitmap[this.slot] as number
    if (offset !== 0) table.bitmaps.giveBack(offset, this.#wordCount)
    table.bitmap[this.slot] = 0
    table.have[this.slot] = 0
    this.#setFlag(flag.whole, false)
  }

  /** A copy. */
  held(): PieceSet {
    if (this.isWhole) return PieceSet.of({ first: 0, end: this.pieceCount })
    const offset = this.#table.bitmap[this.slot] as number
    if (offset === 0) return PieceSet.empty()
    return PieceSet.fromWords(this.#table.bitmaps.words, offset, this.#wordCount)
  }

  /** Takes away from `pieces` what this peer holds. */
  removeHeld(pieces: PieceSet): void {
    if (this.isWhole) {
      pieces.removeInterval({ first: 0, end: this.pieceCount })
      return
    }
    const offset = this.#table.bitmap[this.slot] as number
    if (offset !== 0) pieces.removeWords(this.#table.bitmaps.words, offset, this.#wordCount)
  }

  holdsAnyOf(pieces: PieceSet): boolean {
    if (this.isWhole) return !pieces.isEmpty
    const offset = this.#table.bitmap[this.slot] as number
    if (offset === 0) return false
    return pieces.intersectsWords(this.#table.bitmaps.words, offset, this.#wordCount)
  }

  countHeld(pieces: PieceSet): number {
    if (this.isWhole) return pieces.count
    const offset = this.#table.bitmap[this.slot] as number
    if (offset === 0) return 0
    return pieces.countCommonWords(this.#table.bitmaps.words, offset, this.#wordCount)
  }

  get #wordCount(): number {
    return (this.pieceCount + 31) >>> 5
  }

  #bitmap(): number {
    const { bitmap, bitmaps } = this.#table
    const known = bitmap[this.slot] as number
    if (known !== 0) return known
    const offset = bitmaps.take(this.#wordCount)
    bitmap[this.slot] = offset
    return offset
  }

  /** A peer that holds all needs no bitmap. */
  #setCount(count: number): void {
    const isWhole = count === this.pieceCount
    if (isWhole) this.forgetPieces()
    this.#table.have[this.slot] = count
    this.#setFlag(flag.whole, isWhole)
  }

  #hasFlag(bit: number): boolean {
    return ((this.#table.flags[this.slot] as number) & bit) !== 0
  }

  #setFlag(bit: number, isSet: boolean): void {
    this.#table.setFlag(this.slot, bit, isSet)
  }

  #setPhase(phase: number): void {
    this.#table.phase[this.slot] = phase
    this.#setFlag(flag.running, phase === peerPhase.running)
  }
}

const noHosts: ReadonlyMap<HostId, number> = new Map()

const phases: Readonly<Record<PeerState, number>> = {
  Pending: peerPhase.waiting,
  ReceivedEmpty: peerPhase.waiting,
  ReceivedTiny: peerPhase.waiting,
  ReceivedSmall: peerPhase.waiting,
  ReceivedNormal: peerPhase.waiting,
  Running: peerPhase.running,
  BackToSource: peerPhase.atSource,
  Succeeded: peerPhase.finished,
  Failed: peerPhase.gone,
  Leave: peerPhase.gone,
}
