import { clearBit, eachBit, hasBit, lowestBit, setBit, spanMask, wordsFor } from './bits.ts'
import type { Slot } from './messages.ts'

/** How many hold a piece is counted in a byte. */
export const maxNeighbours = 255
const firstCapacity = 16

// The bitmaps of this host: their words with the same number lie side by side.
const mine = 0
const wanted = 1
const busy = 2
const open = 3
const covered = 4
const ownBitmaps = 5

// What is counted of each neighbour, side by side.
const heldCount = 0
const openCount = 1
const offerCount = 2
const flags = 3
const countsPerNeighbour = 4

const live = 1
const near = 2

/**
 * Who holds which piece: this host and its neighbours, as bitmaps. A piece is _open_ when it is wanted, not here and nobody
 * fetches it; it is _covered_ when a near neighbour holds it or fetches it, so that it need not come from far (import once).
 *
 * What decisions ask for all the time is kept as counters that every change corrects at the cost of one look per neighbour:
 * how many pieces a neighbour holds, how many open ones it could give, and how many it lacks that are here.
 *
 * Everything but `holders` lies in one array: a host has one of these for each task, and each array costs more to keep than the
 * few words that are in it.
 */
export class PieceMap {
  readonly pieceCount: number
  readonly words: number
  /** Per piece, how many neighbours hold it. */
  readonly holders: Uint8Array
  /** Own bitmaps, then the counts of the neighbours, then a bitmap per neighbour of what it holds. */
  #table: Uint32Array
  /** Where the counts and the bitmaps of the first neighbour are. */
  readonly #counts: number
  #have: number
  #capacity = firstCapacity
  /** A bitmap per near neighbour of what it fetches; of no length until one does. */
  #fetching: Uint32Array = new Uint32Array(0)
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
    this.#counts = ownBitmaps * this.words
    this.#have = this.#counts + countsPerNeighbour * firstCapacity
    this.#table = new Uint32Array(this.#have + firstCapacity * this.words)
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
    return this.#is(mine, piece)
  }

  isOpen(piece: number): boolean {
    return this.#is(open, piece)
  }

  isCovered(piece: number): boolean {
    return this.#is(covered, piece)
  }

  isLive(slot: Slot): boolean {
    return (this.#count(slot, flags) & live) !== 0
  }

  isNear(slot: Slot): boolean {
    return (this.#count(slot, flags) & near) !== 0
  }

  holds(slot: Slot, piece: number): boolean {
    return hasBit(this.#table, this.#have + slot * this.words, piece)
  }

  /** How many pieces the neighbour holds. */
  held(slot: Slot): number {
    return this.#count(slot, heldCount)
  }

  /** How many open pieces it could give; of a far one only those that are not covered. */
  openAt(slot: Slot): number {
    return this.#count(slot, openCount)
  }

  /** How many pieces are here that it lacks. */
  offers(slot: Slot): number {
    return this.#count(slot, offerCount)
  }

  /** One word of the open pieces that the neighbour could give. */
  openWord(slot: Slot, word: number, fromFarToo: boolean): number {
    const bits = this.#haveWord(slot, word) & this.#own(open, word)
    return fromFarToo || this.isNear(slot) ? bits : bits & ~this.#own(covered, word)
  }

  /** One word of the pieces that are here and that the neighbour lacks. */
  offerWord(slot: Slot, word: number): number {
    return this.#own(mine, word) & ~this.#haveWord(slot, word)
  }

  /** A copy of what is here. */
  inventory(): Uint32Array {
    return Uint32Array.from({ length: this.words }, (_, word) => this.#own(mine, word))
  }

  /** The first wanted piece at or after `from` that is not here, if there is one. */
  firstHole(from: number): number | undefined {
    for (let word = from >>> 5; word < this.words; word++) {
      const missing = this.#own(wanted, word) & ~this.#own(mine, word)
      const bits = missing & spanMask(word, from, this.pieceCount)
      if (bits !== 0) return word * 32 + lowestBit(bits)
    }
    return undefined
  }

  /** The smallest free number; it must be below `maxNeighbours`. */
  add(isNear: boolean): Slot {
    let slot = 0
    while (slot < this.#end && this.isLive(slot)) slot += 1
    if (slot >= this.#capacity) this.#grow()
    const at = this.#counts + slot * countsPerNeighbour
    this.#table[at + flags] = isNear ? live | near : live
    this.#table[at + offerCount] = this.#mineCount
    this.#end = Math.max(this.#end, slot + 1)
    this.#neighbours += 1
    if (!isNear) this.#far += 1
    return slot
  }

  remove(slot: Slot): void {
    const isNear = this.isNear(slot)
    const counts = this.#counts + slot * countsPerNeighbour
    this.#table.fill(0, counts, counts + countsPerNeighbour)
    this.#neighbours -= 1
    if (!isNear) this.#far -= 1
    for (let word = 0; word < this.words; word++) {
      const held = this.#haveWord(slot, word)
      const fetched = this.#fetching[slot * this.words + word] ?? 0
      this.#table[this.#have + slot * this.words + word] = 0
      if (fetched !== 0) this.#fetching[slot * this.words + word] = 0
      eachBit(held, word, (piece) => {
        this.holders[piece] = (this.holders[piece] ?? 0) - 1
      })
      if (isNear) eachBit(held | fetched, word, (piece) => this.#checkCover(piece))
    }
    while (this.#end > 0 && !this.isLive(this.#end - 1)) this.#end -= 1
  }

  /** The neighbour holds the piece. False when that was known. */
  neighbourHas(slot: Slot, piece: number): boolean {
    const bitmap = this.#have + slot * this.words
    if (hasBit(this.#table, bitmap, piece)) return false
    setBit(this.#table, bitmap, piece)
    this.#add(slot, heldCount, 1)
    this.holders[piece] = (this.holders[piece] ?? 0) + 1
    if (this.isMine(piece)) this.#add(slot, offerCount, -1)
    if (this.isNear(slot)) this.#cover(piece)
    if (this.#isOpenFor(slot, piece)) this.#add(slot, openCount, 1)
    return true
  }

  /** The neighbour does not hold the piece (any more). */
  neighbourLost(slot: Slot, piece: number): void {
    const bitmap = this.#have + slot * this.words
    if (!hasBit(this.#table, bitmap, piece)) return
    if (this.#isOpenFor(slot, piece)) this.#add(slot, openCount, -1)
    clearBit(this.#table, bitmap, piece)
    this.#add(slot, heldCount, -1)
    this.holders[piece] = (this.holders[piece] ?? 0) - 1
    if (this.isMine(piece)) this.#add(slot, offerCount, 1)
    if (this.isNear(slot)) this.#checkCover(piece)
  }

  /** A near neighbour fetches the piece, or has given up; of far ones it does not matter. */
  neighbourFetches(slot: Slot, piece: number, on: boolean): void {
    if (!this.isNear(slot)) return
    if (this.#fetching.length === 0) {
      this.#fetching = new Uint32Array(this.#capacity * this.words)
    }
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
      if (this.#is(wanted, piece)) continue
      this.#mark(wanted, piece)
      if (this.isMine(piece)) continue
      this.#wantedMissing += 1
      this.#setOpen(piece)
    }
  }

  wantNothing(): void {
    for (let word = 0; word < this.words; word++) {
      eachBit(this.#own(open, word), word, (piece) => this.#clearOpen(piece))
      this.#table[ownBitmaps * word + wanted] = 0
    }
    this.#wantedMissing = 0
  }

  /** The piece is here. False when it was. */
  arrived(piece: number): boolean {
    if (this.isMine(piece)) return false
    this.setBusy(piece, true)
    this.#mark(mine, piece)
    this.#unmark(busy, piece)
    this.#mineCount += 1
    if (this.#is(wanted, piece)) this.#wantedMissing -= 1
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.isLive(slot) && !this.holds(slot, piece)) this.#add(slot, offerCount, 1)
    }
    return true
  }

  /** The piece is not here any more. */
  lost(piece: number): void {
    if (!this.isMine(piece)) return
    this.#unmark(mine, piece)
    this.#mineCount -= 1
    if (this.#is(wanted, piece)) this.#wantedMissing += 1
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.isLive(slot) && !this.holds(slot, piece)) this.#add(slot, offerCount, -1)
    }
    this.#setOpen(piece)
  }

  /** The piece is being fetched, from whomever, or not any more. */
  setBusy(piece: number, on: boolean): void {
    if (this.isMine(piece)) return
    if (on) {
      this.#mark(busy, piece)
      this.#clearOpen(piece)
    } else {
      this.#unmark(busy, piece)
      this.#setOpen(piece)
    }
  }

  #isOpenFor(slot: Slot, piece: number): boolean {
    return this.isOpen(piece) && (this.isNear(slot) || !this.isCovered(piece))
  }

  #setOpen(piece: number): void {
    const isWanted = this.#is(wanted, piece) && !this.#is(busy, piece)
    if (!isWanted || this.isMine(piece) || this.isOpen(piece)) return
    this.#mark(open, piece)
    this.#openCount += 1
    this.#countHolders(piece, 1, this.isCovered(piece))
  }

  #clearOpen(piece: number): void {
    if (!this.isOpen(piece)) return
    this.#countHolders(piece, -1, this.isCovered(piece))
    this.#unmark(open, piece)
    this.#openCount -= 1
  }

  #cover(piece: number): void {
    if (this.isCovered(piece)) return
    this.#mark(covered, piece)
    if (this.isOpen(piece)) this.#countFar(piece, -1)
  }

  /** Somebody near has just stopped to hold or fetch it: does anybody still? */
  #checkCover(piece: number): void {
    if (!this.isCovered(piece)) return
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.isNear(slot)) continue
      if (this.holds(slot, piece) || hasBit(this.#fetching, slot * this.words, piece)) return
    }
    this.#unmark(covered, piece)
    if (this.isOpen(piece)) this.#countFar(piece, 1)
  }

  /** One open piece more or less with those that hold it. */
  #countHolders(piece: number, change: 1 | -1, isCovered: boolean): void {
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.holds(slot, piece) && (!isCovered || this.isNear(slot))) {
        this.#add(slot, openCount, change)
      }
    }
  }

  #countFar(piece: number, change: 1 | -1): void {
    if (this.#far === 0) return
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.isNear(slot) && this.holds(slot, piece)) this.#add(slot, openCount, change)
    }
  }

  #own(bitmap: number, word: number): number {
    return this.#table[ownBitmaps * word + bitmap] ?? 0
  }

  #is(bitmap: number, piece: number): boolean {
    return (this.#own(bitmap, piece >>> 5) & (1 << (piece & 31))) !== 0
  }

  #mark(bitmap: number, piece: number): void {
    const at = ownBitmaps * (piece >>> 5) + bitmap
    this.#table[at] = (this.#table[at] ?? 0) | (1 << (piece & 31))
  }

  #unmark(bitmap: number, piece: number): void {
    const at = ownBitmaps * (piece >>> 5) + bitmap
    this.#table[at] = (this.#table[at] ?? 0) & ~(1 << (piece & 31))
  }

  #haveWord(slot: Slot, word: number): number {
    return this.#table[this.#have + slot * this.words + word] ?? 0
  }

  /** 0 of a number that no neighbour has. */
  #count(slot: Slot, which: number): number {
    if (slot < 0 || slot >= this.#end) return 0
    return this.#table[this.#counts + slot * countsPerNeighbour + which] ?? 0
  }

  #add(slot: Slot, which: number, change: 1 | -1): void {
    const at = this.#counts + slot * countsPerNeighbour + which
    this.#table[at] = (this.#table[at] ?? 0) + change
  }

  #grow(): void {
    const capacity = Math.min(maxNeighbours, this.#capacity * 2)
    const have = this.#counts + countsPerNeighbour * capacity
    const table = new Uint32Array(have + capacity * this.words)
    table.set(this.#table.subarray(0, this.#have))
    table.set(this.#table.subarray(this.#have), have)
    this.#table = table
    this.#have = have
    this.#capacity = capacity
    if (this.#fetching.length > 0) {
      this.#fetching = enlarged(this.#fetching, capacity * this.words)
    }
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
