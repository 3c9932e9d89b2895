import { type Random, randomInt } from '@damselfly/core'
import { lowestBit } from './bits.ts'
import type { Slot } from './messages.ts'
import type { PieceMap } from './piece-map.ts'

const enough = 512
const ties = new Uint32Array(enough + 32)

/**
 * What a seed gives next: of the pieces that a child lacks the one it has given least, of these one that few of its neighbours
 * hold. So every piece leaves the seed about once before any leaves it twice, whatever the children would ask for.
 */
export class SuperSeed {
  readonly #map: PieceMap
  /** Per piece, how often it was given; stops at the largest number. */
  readonly #given: Uint8Array
  /** No piece has been given less often. */
  #least = 0
  /** How many have been given just so often. */
  #atLeast: number
  /** No piece of an earlier word of the bitmap has. */
  #from = 0

  constructor(map: PieceMap) {
    this.#map = map
    this.#given = new Uint8Array(map.pieceCount)
    this.#atLeast = map.pieceCount
  }

  /** -1 when the child lacks nothing that is here. */
  choose(child: Slot, random: Random): number {
    const { words, holders } = this.#map
    let best = Number.POSITIVE_INFINITY
    let found = 0
    let seen = 0
    this.#skipGiven()
    // In order: the swarm then reads in order but for a few pieces, and pays nothing for it.
    for (let step = 0; step < words; step++) {
      const word = (this.#from + step) % words
      for (let bits = this.#map.offerWord(child, word); bits !== 0; bits &= bits - 1) {
        const piece = word * 32 + lowestBit(bits)
        const cost = (this.#given[piece] ?? 0) * 256 + (holders[piece] ?? 0)
        seen += 1
        if (cost > best) continue
        if (cost < best) found = 0
        best = cost
        ties[found] = piece
        found += 1
      }
      if (found > 0 && (best === this.#least * 256 || seen >= enough)) break
    }
    if (found === 0) return -1
    return ties[found === 1 ? 0 : randomInt(random, found)] ?? -1
  }

  /** A search begins where something has been given least, so that it ends soon however long the task is. */
  #skipGiven(): void {
    while (this.#from < this.#map.words && !this.#hasLeast(this.#from)) this.#from += 1
    if (this.#from === this.#map.words) this.#from = 0
  }

  #hasLeast(word: number): boolean {
    const end = Math.min(this.#given.length, word * 32 + 32)
    for (let piece = word * 32; piece < end; piece++) {
      if (this.#given[piece] === this.#least) return true
    }
    return false
  }

  given(piece: number): void {
    this.#change(piece, 1)
  }

  /** It was not taken after all. */
  returned(piece: number): void {
    this.#change(piece, -1)
  }

  #change(piece: number, by: 1 | -1): void {
    const before = this.#given[piece] ?? 0
    const after = Math.min(255, Math.max(0, before + by))
    if (after === before) return
    this.#given[piece] = after
    if (by < 0) this.#from = Math.min(this.#from, piece >>> 5)
    if (after < this.#least) {
      this.#least = after
      this.#atLeast = 1
    } else if (after === this.#least) this.#atLeast += 1
    else if (before === this.#least) {
      this.#atLeast -= 1
      if (this.#atLeast === 0) this.#rise()
    }
  }

  /** Each piece has been given once more than before. */
  #rise(): void {
    while (this.#atLeast === 0 && this.#least < 255) {
      this.#least += 1
      this.#from = 0
      for (const given of this.#given) if (given === this.#least) this.#atLeast += 1
    }
  }
}
