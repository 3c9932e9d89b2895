import { DfError } from '../errors/df-error.ts'

/**
 * A fixed number of bits, e.g. which pieces of a task are there. Bit 0 is the lowest bit of byte 0, so that
 * `toBytes` means the same on every machine. The first 32 bits are a number of their own: very many tasks have no more, and
 * an array for each would take most of their memory.
 */
export class Bitset {
  readonly size: number
  #low = 0
  /** The words from the second on. */
  readonly #others: Uint32Array | undefined
  #count = 0

  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new DfError('InvalidArgument', `A bitset cannot have ${size} bits.`)
    }
    this.size = size
    this.#others = size > 32 ? new Uint32Array(Math.ceil(size / 32) - 1) : undefined
  }

  /** The inverse of `toBytes`. A wrong number of bytes or a bit beyond `size` is an error, never cut off. */
  static fromBytes(bytes: Uint8Array, size: number): Bitset {
    const set = new Bitset(size)
    if (bytes.byteLength !== Math.ceil(size / 8)) {
      throw new DfError(
        'InvalidArgument',
        `${size} bits take ${Math.ceil(size / 8)} bytes, but there are ${bytes.byteLength}.`,
      )
    }
    for (const [i, byte] of bytes.entries()) {
      set.#setWord(i >>> 2, set.#word(i >>> 2) | (byte << ((i & 3) * 8)))
    }
    if (((bytes.at(-1) ?? 0) & ~lowBits(((size - 1) & 7) + 1)) !== 0) {
      throw new DfError('InvalidArgument', `The bytes have bits beyond the ${size} that count.`)
    }
    for (let word = 0; word < set.#wordCount; word++) set.#count += popcount(set.#word(word))
    return set
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.size
  }

  get(index: number): boolean {
    this.#check(index)
    return (this.#word(index >>> 5) & (1 << (index & 31))) !== 0
  }

  /** True when the bit was not set before. */
  set(index: number): boolean {
    if (this.get(index)) return false
    this.#setWord(index >>> 5, this.#word(index >>> 5) | (1 << (index & 31)))
    this.#count += 1
    return true
  }

  /** True when the bit was set before. */
  clear(index: number): boolean {
    if (!this.get(index)) return false
    this.#setWord(index >>> 5, this.#word(index >>> 5) & ~(1 << (index & 31)))
    this.#count -= 1
    return true
  }

  /** The first bit at or after `from` that is not set. */
  firstUnset(from = 0): number | undefined {
    return this.#first(from, -1)
  }

  /** The first bit at or after `from` that is set. */
  firstSet(from = 0): number | undefined {
    return this.#first(from, 0)
  }

  /** The set bits in ascending order. Bits may change while iterating. */
  *setBits(): Generator<number, void, undefined> {
    for (let i = this.#first(0, 0); i !== undefined; i = this.#first(i + 1, 0)) yield i
  }

  /** The bits that are not set, in ascending order. Bits may change while iterating. */
  *unsetBits(): Generator<number, void, undefined> {
    for (let i = this.#first(0, -1); i !== undefined; i = this.#first(i + 1, -1)) yield i
  }

  /** True when every bit of [first, end) is set; an empty span is contained in anything. */
  containsAll(first: number, end: number): boolean {
    if (first >= end) return true
    this.#check(first)
    this.#check(end - 1)
    const hole = this.firstUnset(first)
    return hole === undefined || hole >= end
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.size / 8))
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#word(i >>> 2) >>> ((i & 3) * 8)
    return bytes
  }

  clone(): Bitset {
    const copy = new Bitset(this.size)
    copy.#low = this.#low
    if (this.#others !== undefined) copy.#others?.set(this.#others)
    copy.#count = this.#count
    return copy
  }

  /** The first set bit of (words XOR `flip`): `flip` 0 looks for set bits, -1 (all ones) for unset ones. */
  #first(from: number, flip: 0 | -1): number | undefined {
    if (from >= this.size) return undefined
    let word = from >>> 5
    // The bits below `from` do not count.
    let bits = (this.#word(word) ^ flip) & (-1 << (from & 31))
    while (bits === 0) {
      word += 1
      if (word >= this.#wordCount) return undefined
      bits = this.#word(word) ^ flip
    }
    const index = word * 32 + 31 - Math.clz32(bits & -bits)
    return index < this.size ? index : undefined
  }

  get #wordCount(): number {
    return 1 + (this.#others?.length ?? 0)
  }

  #word(index: number): number {
    return index === 0 ? this.#low : (this.#others?.[index - 1] ?? 0)
  }

  #setWord(index: number, bits: number): void {
    if (index === 0) this.#low = bits | 0
    else if (this.#others !== undefined) this.#others[index - 1] = bits
  }

  #check(index: number): void {
    if (Number.isInteger(index) && index >= 0 && index < this.size) return
    throw new DfError('Internal', `Bit ${index} is outside a bitset of ${this.size} bits.`)
  }
}

const lowBits = (count: number): number => (1 << count) - 1

function popcount(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555)
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333)
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
