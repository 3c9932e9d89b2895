import type { PieceDigests } from '@damselfly/core/hashing'

/** What is known of a piece's bytes; Dragonfly's peers tell only the CRC-32. */
export interface KnownDigests {
  readonly crc32?: number
  readonly blake3?: Uint8Array
}

/** How own digests compare with what the scheduler said. */
export type OwnOutcome =
  /** It should hear of them. */
  | 'untold'
  /** It holds the same. */
  | 'told'
  /** It holds others, and these stay. */
  | 'contradiction'

const BLAKE3_BYTES = 32
/** Words of a piece: flags, CRC-32, own records that the scheduler has not taken in yet. */
const WORDS = 3
const FLAGS = 0
const CRC32 = 1
const UNTAKEN = 2

const HAS_BLAKE3 = 1
const HAS_CRC32 = 2
/** The piece is here with these digests. */
const OWN = 4
/** And was taken from the origin by this host. */
const FROM_ORIGIN = 8
/** The scheduler of this connection has taken in the own record, or says the same of its own accord. */
const TOLD = 16
/** The own record has been sent on this connection. */
const SENT = 32

/** All that flags say besides which digests there are. */
const ABOUT = OWN | FROM_ORIGIN | TOLD | SENT

const MIN_CAPACITY = 16

/**
 * What one download knows of its pieces' digests: its own and the scheduler's, of which the latter counts where they differ. 44
 * bytes for each piece up to the highest number seen.
 */
export class AuthorityTable {
  readonly #pieceCount: number
  #blake3 = new Uint8Array(0)
  #words = new Uint32Array(0)

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount
  }

  /** True for pieces that the task has. */
  fits(number: number): boolean {
    return Number.isInteger(number) && number >= 0 && number < this.#pieceCount
  }

  get(number: number): KnownDigests | undefined {
    const flags = this.#word(number, FLAGS)
    if ((flags & (HAS_BLAKE3 | HAS_CRC32)) === 0) return undefined
    return {
      ...((flags & HAS_CRC32) === 0 ? {} : { crc32: this.#word(number, CRC32) }),
      ...((flags & HAS_BLAKE3) === 0 ? {} : { blake3: this.#strong(number).slice() }),
    }
  }

  /** Takes in digests of a piece that is here, unless the scheduler's differ. */
  own(number: number, { crc32, blake3 }: PieceDigests, fromOrigin: boolean): OwnOutcome {
    const flags = this.#word(number, FLAGS)
    // Taken from the origin it may prevail over what the scheduler said so far: that is for the scheduler to say.
    if (!fromOrigin) {
      const isWrong = this.#differs(number, { crc32, blake3 })
      // What did not come from the scheduler was our own, and the newer word counts.
      if (isWrong && ((flags & OWN) === 0 || (flags & TOLD) !== 0)) return 'contradiction'
      if (!isWrong && (flags & TOLD) !== 0) {
        this.#set(number, { crc32, blake3 })
        this.#flag(number, (flags & ABOUT) | OWN)
        return 'told'
      }
    }
    this.#set(number, { crc32, blake3 })
    this.#flag(number, OWN | SENT | (fromOrigin ? FROM_ORIGIN : flags & FROM_ORIGIN))
    this.#words[number * WORDS + UNTAKEN] = this.#word(number, UNTAKEN) + 1
    return 'untold'
  }

  /** Takes in what the scheduler says. True when the piece is here and something else. */
  told(number: number, digests: KnownDigests): boolean {
    const flags = this.#word(number, FLAGS)
    const isWrong = this.#differs(number, digests)
    // It has not seen our record yet; should that not prevail, it says so together with `accepted`.
    if (isWrong && (flags & FROM_ORIGIN) !== 0 && (flags & TOLD) === 0) return false
    if (isWrong) this.#words[number * WORDS + FLAGS] = 0
    this.#set(number, digests)
    const kept = isWrong ? 0 : flags & ABOUT
    this.#flag(number, kept | (digests.blake3 === undefined ? 0 : TOLD))
    return isWrong && (flags & OWN) !== 0
  }

  /** The scheduler has taken in a record of the piece; what it says of the piece after the last one counts. */
  accepted(number: number): void {
    const untaken = Math.max(0, this.#word(number, UNTAKEN) - 1)
    this.#words[number * WORDS + UNTAKEN] = untaken
    const flags = this.#word(number, FLAGS)
    if ((flags & OWN) !== 0 && untaken === 0) this.#flag(number, (flags & ABOUT) | TOLD)
  }

  /** False when the scheduler has said something else since the piece was recorded. */
  isOwn(number: number): boolean {
    return (this.#word(number, FLAGS) & OWN) !== 0
  }

  /** The own record has been sent since the last `forgetTold`. */
  wasSent(number: number): boolean {
    return (this.#word(number, FLAGS) & SENT) !== 0
  }

  /** Another scheduler, or one that has forgotten: it has been told nothing. */
  forgetTold(): void {
    for (let at = FLAGS; at < this.#words.length; at += WORDS) {
      this.#words[at] = (this.#words[at] ?? 0) & ~(TOLD | SENT)
      this.#words[at + UNTAKEN] = 0
    }
  }

  /** The pieces that are here, in order of their numbers; reflects what changes meanwhile. */
  *owned(): Generator<{ number: number; digests: PieceDigests; fromOrigin: boolean }> {
    for (let number = 0; number * WORDS < this.#words.length; number++) {
      const flags = this.#word(number, FLAGS)
      if ((flags & OWN) === 0) continue
      const digests = { crc32: this.#word(number, CRC32), blake3: this.#strong(number).slice() }
      yield { number, digests, fromOrigin: (flags & FROM_ORIGIN) !== 0 }
    }
  }

  #differs(number: number, { crc32, blake3 }: KnownDigests): boolean {
    const flags = this.#word(number, FLAGS)
    if ((flags & HAS_CRC32) !== 0 && crc32 !== undefined) {
      if (crc32 >>> 0 !== this.#word(number, CRC32)) return true
    }
    if ((flags & HAS_BLAKE3) === 0 || blake3 === undefined) return false
    return this.#strong(number).some((byte, i) => byte !== blake3[i])
  }

  #set(number: number, { crc32, blake3 }: KnownDigests): void {
    this.#reserve(number)
    let flags = this.#word(number, FLAGS)
    if (crc32 !== undefined) {
      this.#words[number * WORDS + CRC32] = crc32
      flags |= HAS_CRC32
    }
    if (blake3 !== undefined) {
      this.#blake3.set(blake3, number * BLAKE3_BYTES)
      flags |= HAS_BLAKE3
    }
    this.#words[number * WORDS + FLAGS] = flags
  }

  /** Replaces what the flags say besides which digests there are. */
  #flag(number: number, about: number): void {
    const has = this.#word(number, FLAGS) & (HAS_BLAKE3 | HAS_CRC32)
    this.#words[number * WORDS + FLAGS] = has | about
  }

  #reserve(number: number): void {
    const capacity = this.#words.length / WORDS
    if (number < capacity) return
    const doubled = Math.min(Math.max(MIN_CAPACITY, capacity * 2), this.#pieceCount)
    const pieces = Math.max(number + 1, doubled)
    const blake3 = new Uint8Array(pieces * BLAKE3_BYTES)
    const words = new Uint32Array(pieces * WORDS)
    blake3.set(this.#blake3)
    words.set(this.#words)
    this.#blake3 = blake3
    this.#words = words
  }

  #strong(number: number): Uint8Array {
    return this.#blake3.subarray(number * BLAKE3_BYTES, (number + 1) * BLAKE3_BYTES)
  }

  #word(number: number, which: number): number {
    return this.#words[number * WORDS + which] ?? 0
  }
}
