import type { PieceInterval } from '@damselfly/core'

/**
 * Set algebra on piece numbers: what a peer holds, lacks, could give. Grows as needed, because the size is not
 * known everywhere; `Bitset` of core has a fixed size and no algebra.
 */
export class PieceSet {
  #words: Uint32Array

  private constructor(words: Uint32Array) {
    this.#words = words
  }

  static empty(): PieceSet {
    return new PieceSet(new Uint32Array(0))
  }

  static of(interval: PieceInterval): PieceSet {
    const set = PieceSet.empty()
    set.addInterval(interval)
    return set
  }

  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0)
  }

  get count(): number {
    let count = 0
    for (const word of this.#words) count += popcount(word)
    return count
  }

  has(piece: number): boolean {
    return (this.#word(piece >>> 5) & (1 << (piece & 31))) !== 0
  }

  /** True when it was not there before. */
  add(piece: number): boolean {
    if (this.has(piece)) return false
    this.#grow((piece >>> 5) + 1)
    this.#words[piece >>> 5] = this.#word(piece >>> 5) | (1 << (piece & 31))
    return true
  }

  addInterval({ first, end }: PieceInterval): void {
    if (first >= end) return
    this.#grow(((end - 1) >>> 5) + 1)
    forWords(first, end, (word, mask) => {
      this.#words[word] = this.#word(word) | mask
    })
  }

  addAll(other: PieceSet): void {
    this.#grow(other.#words.length)
    for (const [i, word] of other.#words.entries()) this.#words[i] = this.#word(i) | word
  }

  remove(other: PieceSet): void {
    const length = Math.min(this.#words.length, other.#words.length)
    for (let i = 0; i < length; i++) this.#words[i] = this.#word(i) & ~other.#word(i)
  }

  removeInterval({ first, end }: PieceInterval): void {
    forWords(first, Math.min(end, this.#words.length * 32), (word, mask) => {
      this.#words[word] = this.#word(word) & ~mask
    })
  }

  countCommon(other: PieceSet): number {
    const length = Math.min(this.#words.length, other.#words.length)
    let count = 0
    for (let i = 0; i < length; i++) count += popcount(this.#word(i) & other.#word(i))
    return count
  }

  intersects(other: PieceSet): boolean {
    const length = Math.min(this.#words.length, other.#words.length)
    for (let i = 0; i < length; i++) if ((this.#word(i) & other.#word(i)) !== 0) return true
    return false
  }

  intersectsInterval(interval: PieceInterval): boolean {
    const rest = this.clone()
    rest.removeInterval(interval)
    return rest.count !== this.count
  }

  /** The smallest interval that holds every piece; empty for an empty set. */
  hull(): PieceInterval {
    const low = this.#words.findIndex((word) => word !== 0)
    if (low < 0) return { first: 0, end: 0 }
    const high = this.#words.findLastIndex((word) => word !== 0)
    const lowWord = this.#word(low)
    return {
      first: low * 32 + 31 - Math.clz32(lowWord & -lowWord),
      end: high * 32 + 32 - Math.clz32(this.#word(high)),
    }
  }

  clone(): PieceSet {
    return new PieceSet(this.#words.slice())
  }

  #word(index: number): number {
    return this.#words[index] ?? 0
  }

  #grow(words: number): void {
    if (words <= this.#words.length) return
    const grown = new Uint32Array(words)
    grown.set(this.#words)
    this.#words = grown
  }
}

/** Calls `fn` for each word that [first, end) touches, with the mask of its bits in the interval. */
function forWords(first: number, end: number, fn: (word: number, mask: number) => void): void {
  for (let word = first >>> 5; word * 32 < end; word++) {
    const from = Math.max(first - word * 32, 0)
    const to = Math.min(end - word * 32, 32)
    const upTo = to === 32 ? -1 : (1 << to) - 1
    if (from < to) fn(word, upTo & (-1 << from))
  }
}

function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555)
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333)
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
