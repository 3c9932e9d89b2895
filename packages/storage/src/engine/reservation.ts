import { DfError, formatCrc32 } from '@damselfly/core'
import { isSameBlake3, type PieceDigests } from '@damselfly/core/hashing'
import type { ContentPlace, PieceSeal } from '../place/content-place.ts'
import type { ExpectedDigests, PieceFacts, PieceRecord, PieceReservation } from '../store.ts'
import type { WrittenPiece } from './commit-log.ts'

/** What a reservation needs of its task. */
export interface ReservationOwner {
  /** For messages: "piece 3 of task abc". */
  readonly name: string
  readonly isSealed: boolean
  commit(piece: WrittenPiece): Promise<PieceRecord>
  released(): void
}

/** The right to write one piece, which ends once. */
export class Reservation implements PieceReservation {
  readonly number: number
  readonly offset: number
  readonly length: number
  readonly place: ContentPlace
  readonly #owner: ReservationOwner
  #isEnded = false

  constructor(
    piece: { number: number; offset: number; length: number; place: ContentPlace },
    owner: ReservationOwner,
  ) {
    this.number = piece.number
    this.offset = piece.offset
    this.length = piece.length
    this.place = piece.place
    this.#owner = owner
  }

  async commit(
    facts: PieceFacts & { readonly digests: PieceDigests; readonly seal?: PieceSeal },
  ): Promise<PieceRecord> {
    const { name, isSealed } = this.#owner
    if (this.#isEnded) throw new DfError('Internal', `The reservation of ${name} has ended.`)
    // Set before the first await: of two commits one is the caller's error.
    this.#isEnded = true
    try {
      const { digests, seal } = facts
      checkDigests(name, digests, facts.expected ?? {})
      if (isSealed && seal === undefined) {
        throw new DfError(
          'InvalidArgument',
          `The bytes of ${name} lie sealed, but there is no seal.`,
        )
      }
      const written = { number: this.number, digests, facts }
      return await this.#owner.commit(
        isSealed && seal !== undefined ? { ...written, seal } : written,
      )
    } finally {
      this.#owner.released()
    }
  }

  abort(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#owner.released()
  }
}

function checkDigests(name: string, actual: PieceDigests, expected: ExpectedDigests): void {
  const { crc32, blake3 } = expected
  if (crc32 !== undefined && crc32 >>> 0 !== actual.crc32) {
    throw corrupt(name, formatCrc32(crc32), formatCrc32(actual.crc32))
  }
  if (blake3 !== undefined && !isSameBlake3(blake3, actual.blake3)) {
    throw corrupt(name, formatBlake3(blake3), formatBlake3(actual.blake3))
  }
}

const formatBlake3 = (digest: Uint8Array): string => `blake3:${Buffer.from(digest).toString('hex')}`

const corrupt = (name: string, expected: string, actual: string): DfError =>
  new DfError(
    'PieceCorrupt',
    `The bytes of ${name} are corrupt: expected ${expected}, received ${actual}.`,
    { details: { expected, actual } },
  )
