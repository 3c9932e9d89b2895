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
    const set = new PieceSet(new Uint32Array((interval.end + 31) >>> 5))
    set.addInterval(interval)
    return set
  }

  /** The inverse of core's `Bitset.toBytes`; bits from `size` on do not count. */
  static fromBytes(bytes: Uint8Array, size: number): PieceSet {
    const set = new PieceSet(new Uint32Array(Math.ceil(size / 32)))
    for (const [i, byte] of bytes.entries()) {
      const word = i >>> 2
      set.#words[word] = set.#word(word) | (byte << ((i & 3) * 8))
    }
    set.removeInterval({ first: size, end: set.#words.length * 32 })
    return set
  }

  static fromWords(words: Uint32Array, offset: number, length: number): PieceSet {
    return new PieceSet(words.slice(offset, offset + length))
  }

  /** Writes the pieces below `32 * length`. */
  copyTo(words: Uint32Array, offset: number, length: number): void {
    words.fill(0, offset, offset + length)
    words.set(this.#words.subarray(0, length), offset)
  }

  removeWords(words: Uint32Array, offset: number, length: number): void {
    const end = Math.min(this.#words.length, length)
    for (let i = 0; i < end; i++) {
      this.#words[i] = this.#word(i) & ~(words[offset + i] as number)
    }
  }

  intersectsWords(words: Uint32Array, offset: number, length: number): boolean {
    const end = Math.min(this.#words.length, length)
    for (let i = 0; i < end; i++) {
      if ((this.#word(i) & (words[offset + i] as number)) !== 0) return true
    }
    return false
  }

  countCommonWords(words: Uint32Array, offset: number, length: number): number {
    const end = Math.min(this.#words.length, length)
    let count = 0
    for (let i = 0; i < end; i++) count += popcount(this.#word(i) & (words[offset + i] as number))
    return count
  }

  get isEmpty(): boolean {
    for (let i = 0; i < this.#words.length; i++) if (this.#words[i] !== 0) return false
    return true
  }

  get count(): number {
    let count = 0
    for (let i = 0; i < this.#words.length; i++) count += popcount(this.#word(i))
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

  removeInterval({ first, end }: PieceInterval): void {
    forWords(first, Math.min(end, this.#words.length * 32), (word, mask) => {
      this.#words[word] = this.#word(word) & ~mask
    })
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
