import { clearBit, eachBit, hasBit, lowestBit, setBit, spanMask, wordsFor } from './bits.ts'
import type { Slot } from './messages.ts'

/** How many hold a piece is counted in a byte. */
export const maxNeighbours = 255
const firstCapacity = 16

/**
 * Who holds which piece: this host and its neighbours, as bitmaps. A piece is _open_ when it is wanted, not here and nobody
 * fetches it; it is _covered_ when a near neighbour holds it or fetches it, so that it need not come from far (import once).
 *
 * What decisions ask for all the time is kept as counters that every change corrects at the cost of one look per neighbour:
 * how many pieces a neighbour holds, how many open ones it could give, and how many it lacks that are here.
 */
export class PieceMap {
  readonly pieceCount: number
  readonly words: number
  /** Per piece, how many neighbours hold it. */
  readonly holders: Uint8Array
  readonly #mine: Uint32Array
  readonly #wanted: Uint32Array
  readonly #busy: Uint32Array
  readonly #open: Uint32Array
  readonly #covered: Uint32Array
  /** A bitmap per neighbour. */
  #have: Uint32Array
  /** The same of what near neighbours fetch; of no length until one does. */
  #fetching: Uint32Array = new Uint32Array(0)
  #isLive = new Uint8Array(firstCapacity)
  #isNear = new Uint8Array(firstCapacity)
  #held = new Uint32Array(firstCapacity)
  #openAt = new Uint32Array(firstCapacity)
  #offers = new Uint32Array(firstCapacity)
  #end = 0
  #mineCount = 0
  #wantedMissing = 0
  #openCount = 0
  #neighbours = 0
  #far = 0

  constructor(pieceCount: number) {
    this.pieceCount = pieceCount
    this.words = wordsFor(pieceCount)
    this.holders = new Uint8Array(pieceCount)
    this.#mine = new Uint32Array(this.words)
    this.#wanted = new Uint32Array(this.words)
    this.#busy = new Uint32Array(this.words)
    this.#open = new Uint32Array(this.words)
    this.#covered = new Uint32Array(this.words)
    this.#have = new Uint32Array(firstCapacity * this.words)
  }

  /** Numbers of neighbours are below this. */
  get end(): number {
    return this.#end
  }

  get neighbours(): number {
    return this.#neighbours
  }

  get hasFar(): boolean {
    return this.#far > 0
  }

  /** Pieces that are here. */
  get mineCount(): number {
    return this.#mineCount
  }

  /** Wanted pieces that are not here. */
  get missing(): number {
    return this.#wantedMissing
  }

  get openCount(): number {
    return this.#openCount
  }

  isPiece(piece: number): boolean {
    return Number.isInteger(piece) && piece >= 0 && piece < this.pieceCount
  }

  isMine(piece: number): boolean {
    return hasBit(this.#mine, 0, piece)
  }

  isOpen(piece: number): boolean {
    return hasBit(this.#open, 0, piece)
  }

  isCovered(piece: number): boolean {
    return hasBit(this.#covered, 0, piece)
  }

  isLive(slot: Slot): boolean {
    return this.#isLive[slot] === 1
  }

  isNear(slot: Slot): boolean {
    return this.#isNear[slot] === 1
  }

  holds(slot: Slot, piece: number): boolean {
    return hasBit(this.#have, slot * this.words, piece)
  }

  /** How many pieces the neighbour holds. */
  held(slot: Slot): number {
    return this.#held[slot] ?? 0
  }

  /** How many open pieces it could give; of a far one only those that are not covered. */
  openAt(slot: Slot): number {
    return this.#openAt[slot] ?? 0
  }

  /** How many pieces are here that it lacks. */
  offers(slot: Slot): number {
    return this.#offers[slot] ?? 0
  }

  /** One word of the open pieces that the neighbour could give. */
  openWord(slot: Slot, word: number, fromFarToo: boolean): number {
    const bits = (this.#have[slot * this.words + word] ?? 0) & (this.#open[word] ?? 0)
    return fromFarToo || this.isNear(slot) ? bits : bits & ~(this.#covered[word] ?? 0)
  }

  /** One word of the pieces that are here and that the neighbour lacks. */
  offerWord(slot: Slot, word: number): number {
    return (this.#mine[word] ?? 0) & ~(this.#have[slot * this.words + word] ?? 0)
  }

  /** A copy of what is here. */
  inventory(): Uint32Array {
    return this.#mine.slice()
  }

  /** The first wanted piece at or after `from` that is not here, if there is one. */
  firstHole(from: number): number | undefined {
    for (let word = from >>> 5; word < this.words; word++) {
      const missing = (this.#wanted[word] ?? 0) & ~(this.#mine[word] ?? 0)
      const bits = missing & spanMask(word, from, this.pieceCount)
      if (bits !== 0) return word * 32 + lowestBit(bits)
    }
    return undefined
  }

  /** The smallest free number; it must be below `maxNeighbours`. */
  add(isNear: boolean): Slot {
    let slot = 0
    while (this.isLive(slot)) slot += 1
    if (slot >= this.#isLive.length) this.#grow()
    this.#isLive[slot] = 1
    this.#isNear[slot] = isNear ? 1 : 0
    this.#offers[slot] = this.#mineCount
    this.#end = Math.max(this.#end, slot + 1)
    this.#neighbours += 1
    if (!isNear) this.#far += 1
    return slot
  }

  remove(slot: Slot): void {
    const base = slot * this.words
    this.#isLive[slot] = 0
    this.#neighbours -= 1
    if (!this.isNear(slot)) this.#far -= 1
    for (let word = 0; word < this.words; word++) {
      const held = this.#have[base + word] ?? 0
      const fetched = this.#fetching[base + word] ?? 0
      this.#have[base + word] = 0
      if (fetched !== 0) this.#fetching[base + word] = 0
      eachBit(held, word, (piece) => {
        this.holders[piece] = (this.holders[piece] ?? 0) - 1
      })
      if (this.isNear(slot)) eachBit(held | fetched, word, (piece) => this.#checkCover(piece))
    }
    this.#held[slot] = 0
    this.#openAt[slot] = 0
    this.#offers[slot] = 0
    while (this.#end > 0 && !this.isLive(this.#end - 1)) this.#end -= 1
  }

  /** The neighbour holds the piece. False when that was known. */
  neighbourHas(slot: Slot, piece: number): boolean {
    const base = slot * this.words
    if (hasBit(this.#have, base, piece)) return false
    setBit(this.#have, base, piece)
    this.#held[slot] = this.held(slot) + 1
    this.holders[piece] = (this.holders[piece] ?? 0) + 1
    if (this.isMine(piece)) this.#offers[slot] = this.offers(slot) - 1
    if (this.isNear(slot)) this.#cover(piece)
    if (this.#isOpenFor(slot, piece)) this.#openAt[slot] = this.openAt(slot) + 1
    return true
  }

  /** The neighbour does not hold the piece (any more). */
  neighbourLost(slot: Slot, piece: number): void {
    const base = slot * this.words
    if (!hasBit(this.#have, base, piece)) return
    if (this.#isOpenFor(slot, piece)) this.#openAt[slot] = this.openAt(slot) - 1
    clearBit(this.#have, base, piece)
    this.#held[slot] = this.held(slot) - 1
    this.holders[piece] = (this.holders[piece] ?? 0) - 1
    if (this.isMine(piece)) this.#offers[slot] = this.offers(slot) + 1
    if (this.isNear(slot)) this.#checkCover(piece)
  }

  /** A near neighbour fetches the piece, or has given up; of far ones it does not matter. */
  neighbourFetches(slot: Slot, piece: number, on: boolean): void {
    if (!this.isNear(slot)) return
    if (this.#fetching.length === 0) this.#fetching = new Uint32Array(this.#have.length)
    if (on) {
      setBit(this.#fetching, slot * this.words, piece)
      this.#cover(piece)
    } else {
      clearBit(this.#fetching, slot * this.words, piece)
      this.#checkCover(piece)
    }
  }

  /** Pieces of [first, end) are wanted. */
  want(first: number, end: number): void {
    for (let piece = first; piece < end; piece++) {
      if (hasBit(this.#wanted, 0, piece)) continue
      setBit(this.#wanted, 0, piece)
      if (this.isMine(piece)) continue
      this.#wantedMissing += 1
      this.#setOpen(piece)
    }
  }

  wantNothing(): void {
    for (let word = 0; word < this.words; word++) {
      eachBit(this.#open[word] ?? 0, word, (piece) => this.#clearOpen(piece))
    }
    this.#wanted.fill(0)
    this.#wantedMissing = 0
  }

  /** The piece is here. False when it was. */
  arrived(piece: number): boolean {
    if (this.isMine(piece)) return false
    this.setBusy(piece, true)
    setBit(this.#mine, 0, piece)
    clearBit(this.#busy, 0, piece)
    this.#mineCount += 1
    if (hasBit(this.#wanted, 0, piece)) this.#wantedMissing -= 1
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.isLive(slot) && !this.holds(slot, piece)) this.#offers[slot] = this.offers(slot) + 1
    }
    return true
  }

  /** The piece is not here any more. */
  lost(piece: number): void {
    if (!this.isMine(piece)) return
    clearBit(this.#mine, 0, piece)
    this.#mineCount -= 1
    if (hasBit(this.#wanted, 0, piece)) this.#wantedMissing += 1
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.isLive(slot) && !this.holds(slot, piece)) this.#offers[slot] = this.offers(slot) - 1
    }
    this.#setOpen(piece)
  }

  /** The piece is being fetched, from whomever, or not any more. */
  setBusy(piece: number, on: boolean): void {
    if (this.isMine(piece)) return
    if (on) {
      setBit(this.#busy, 0, piece)
      this.#clearOpen(piece)
    } else {
      clearBit(this.#busy, 0, piece)
      this.#setOpen(piece)
    }
  }

  #isOpenFor(slot: Slot, piece: number): boolean {
    return this.isOpen(piece) && (this.isNear(slot) || !this.isCovered(piece))
  }

  #setOpen(piece: number): void {
    const isWanted = hasBit(this.#wanted, 0, piece) && !hasBit(this.#busy, 0, piece)
    if (!isWanted || this.isMine(piece) || this.isOpen(piece)) return
    setBit(this.#open, 0, piece)
    this.#openCount += 1
    this.#count(piece, 1, this.isCovered(piece))
  }

  #clearOpen(piece: number): void {
    if (!this.isOpen(piece)) return
    this.#count(piece, -1, this.isCovered(piece))
    clearBit(this.#open, 0, piece)
    this.#openCount -= 1
  }

  #cover(piece: number): void {
    if (this.isCovered(piece)) return
    setBit(this.#covered, 0, piece)
    if (this.isOpen(piece)) this.#countFar(piece, -1)
  }

  /** Somebody near has just stopped to hold or fetch it: does anybody still? */
  #checkCover(piece: number): void {
    if (!this.isCovered(piece)) return
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.isLive(slot) || !this.isNear(slot)) continue
      if (this.holds(slot, piece) || hasBit(this.#fetching, slot * this.words, piece)) return
    }
    clearBit(this.#covered, 0, piece)
    if (this.isOpen(piece)) this.#countFar(piece, 1)
  }

  /** One open piece more or less with those that hold it. */
  #count(piece: number, change: 1 | -1, isCovered: boolean): void {
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.holds(slot, piece) && (this.isNear(slot) || !isCovered)) {
        this.#openAt[slot] = this.openAt(slot) + change
      }
    }
  }

  #countFar(piece: number, change: 1 | -1): void {
    if (this.#far === 0) return
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.isNear(slot) && this.holds(slot, piece)) {
        this.#openAt[slot] = this.openAt(slot) + change
      }
    }
  }

  #grow(): void {
    const capacity = Math.min(maxNeighbours, this.#isLive.length * 2)
    this.#have = enlarged(this.#have, capacity * this.words)
    if (this.#fetching.length > 0) {
      this.#fetching = enlarged(this.#fetching, capacity * this.words)
    }
    this.#held = enlarged(this.#held, capacity)
    this.#openAt = enlarged(this.#openAt, capacity)
    this.#offers = enlarged(this.#offers, capacity)
    this.#isLive = enlarged(this.#isLive, capacity)
    this.#isNear = enlarged(this.#isNear, capacity)
  }
}

/** The same numbers with zeros behind. */
export function enlarged<Column extends Uint8Array | Uint32Array | Int32Array | Float64Array>(
  column: Column,
  length: number,
): Column {
  const larger = new (column.constructor as new (length: number) => Column)(length)
  larger.set(column)
  return larger
}
