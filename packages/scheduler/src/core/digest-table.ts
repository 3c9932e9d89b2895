import type { PieceDigest } from './facts.ts'

export const DIGEST_BYTES = 32

/** What became of a record. */
export type RecordOutcome =
  /** Others have something to learn. */
  | 'news'
  /** Others have been told something else before. */
  | 'correction'
  /** It says what is known. */
  | 'same'
  /** It says something else than what is known, which stays. */
  | 'contradiction'

/** Who records. */
export interface Recorder {
  /** It took the piece from the origin itself. */
  readonly fromOrigin: boolean
  /** Its stream; 0 = it has none. */
  readonly callId: number
}

/** Words of a piece: flags, CRC-32, the stream whose record established it. */
const WORDS = 3
const FLAGS = 0
const CRC32 = 1
const SET_BY = 2

const HAS_BLAKE3 = 1
const HAS_CRC32 = 2
/** From here on nothing contradicts it: who recorded it took the piece from the origin. */
const SURE_SHIFT = 2
const SURE_BLAKE3 = HAS_BLAKE3 << SURE_SHIFT
const SURE_CRC32 = HAS_CRC32 << SURE_SHIFT

const MIN_CAPACITY = 4

/**
 * The digests of one task's pieces, about 50 bytes for each. What comes from the origin first stays; what a host merely
 * held gives way to it. The order in which pieces became known is kept, so that a reader needs no more than its position in
 * it: a reader that is slow, or late, costs nothing.
 */
export class DigestTable {
  #blake3 = new Uint8Array(0)
  #words = new Uint32Array(0)
  /** Piece numbers as they became known; one comes again, a few times at most, when there is more or something else to tell. */
  #order = new Uint32Array(0)
  #orderLength = 0
  #count = 0

  /** Pieces with a digest. */
  get count(): number {
    return this.#count
  }

  /** Memory in use. */
  get bytes(): number {
    return this.#blake3.byteLength + this.#words.byteLength + this.#order.byteLength
  }

  /** Where a reader that has read everything is. */
  get end(): number {
    return this.#orderLength
  }

  /** Bytes that room for pieces below `pieceCount` would add. */
  growth(pieceCount: number, limit: number): number {
    const capacity = this.#capacityFor(pieceCount, limit)
    return capacity * (DIGEST_BYTES + WORDS * 4) - this.#blake3.byteLength - this.#words.byteLength
  }

  /** Makes room for pieces below `pieceCount`, and some more but not beyond `limit`. */
  reserve(pieceCount: number, limit: number): void {
    const capacity = this.#capacityFor(pieceCount, limit)
    if (capacity * WORDS === this.#words.length) return
    this.#blake3 = grown(this.#blake3, capacity * DIGEST_BYTES)
    this.#words = grown(this.#words, capacity * WORDS)
  }

  get(number: number): PieceDigest | undefined {
    const flags = this.#word(number, FLAGS)
    if (flags === 0) return undefined
    return {
      number,
      blake3: (flags & HAS_BLAKE3) === 0 ? undefined : this.#strong(number).slice(),
      crc32: (flags & HAS_CRC32) === 0 ? undefined : this.#word(number, CRC32),
    }
  }

  /** There must be room for the piece. */
  record(piece: PieceDigest, { fromOrigin, callId }: Recorder): RecordOutcome {
    const { number } = piece
    const before = this.#word(number, FLAGS)
    const wrong = this.#contradicted(piece)
    if (wrong !== 0) {
      const isSure = ((before >> SURE_SHIFT) & wrong) !== 0
      if (!fromOrigin || isSure) return 'contradiction'
      this.#forgetUnsure(number)
    }
    const isNews = this.#take(piece, fromOrigin)
    if (!isNews) return 'same'
    if (before === 0) this.#count += 1
    this.#words[number * WORDS + SET_BY] = callId
    this.#append(number)
    return wrong === 0 ? 'news' : 'correction'
  }

  /**
   * Up to `max` pieces that became known from `cursor` on, each once, without those that the stream `except` established;
   * and where to go on.
   */
  readFrom(
    cursor: number,
    { except, max }: { except: number; max: number },
  ): { pieces: PieceDigest[]; cursor: number } {
    const numbers = new Set<number>()
    let at = cursor
    for (; at < this.#orderLength && numbers.size < max; at++) {
      const number = this.#order[at] ?? 0
      if (this.#word(number, SET_BY) !== except >>> 0) numbers.add(number)
    }
    const pieces: PieceDigest[] = []
    for (const number of numbers) {
      const piece = this.get(number)
      if (piece !== undefined) pieces.push(piece)
    }
    return { pieces, cursor: at }
  }

  /** Which of the piece's digests differ from those here, as HAS_ flags. */
  #contradicted({ number, blake3, crc32 }: PieceDigest): number {
    const flags = this.#word(number, FLAGS)
    let wrong = 0
    if ((flags & HAS_BLAKE3) !== 0 && blake3 !== undefined) {
      if (!isEqual(blake3, this.#strong(number))) wrong |= HAS_BLAKE3
    }
    if ((flags & HAS_CRC32) !== 0 && crc32 !== undefined) {
      if (crc32 >>> 0 !== this.#word(number, CRC32)) wrong |= HAS_CRC32
    }
    return wrong
  }

  /** The origin says something else: what a host merely held was of other bytes. */
  #forgetUnsure(number: number): void {
    let flags = this.#word(number, FLAGS)
    if ((flags & SURE_BLAKE3) === 0) flags &= ~HAS_BLAKE3
    if ((flags & SURE_CRC32) === 0) flags &= ~HAS_CRC32
    this.#words[number * WORDS + FLAGS] = flags
  }

  /** Adds what is not here and notes what the origin confirms; true when something was added. */
  #take({ number, blake3, crc32 }: PieceDigest, fromOrigin: boolean): boolean {
    const before = this.#word(number, FLAGS)
    let flags = before
    if (blake3 !== undefined) {
      if ((flags & HAS_BLAKE3) === 0) this.#blake3.set(blake3, number * DIGEST_BYTES)
      flags |= HAS_BLAKE3 | (fromOrigin ? SURE_BLAKE3 : 0)
    }
    if (crc32 !== undefined) {
      this.#words[number * WORDS + CRC32] = crc32
      flags |= HAS_CRC32 | (fromOrigin ? SURE_CRC32 : 0)
    }
    this.#words[number * WORDS + FLAGS] = flags
    return ((flags ^ before) & (HAS_BLAKE3 | HAS_CRC32)) !== 0
  }

  #append(number: number): void {
    if (this.#orderLength === this.#order.length) {
      this.#order = grown(this.#order, Math.max(MIN_CAPACITY, this.#order.length * 2))
    }
    this.#order[this.#orderLength] = number
    this.#orderLength += 1
  }

  #capacityFor(pieceCount: number, limit: number): number {
    const capacity = this.#words.length / WORDS
    if (pieceCount <= capacity) return capacity
    return Math.max(pieceCount, Math.min(Math.max(MIN_CAPACITY, capacity * 2), limit))
  }

  #strong(number: number): Uint8Array {
    return this.#blake3.subarray(number * DIGEST_BYTES, (number + 1) * DIGEST_BYTES)
  }

  #word(number: number, which: number): number {
    return this.#words[number * WORDS + which] ?? 0
  }
}

function grown<T extends Uint8Array | Uint32Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length)
  larger.set(array)
  return larger
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i])
}
