import { Bitset, DfError, formatCrc32, type PieceGeometry, pieceSpan } from '@damselfly/core'
import type { PieceFacts, PieceRecord, TrafficType } from '../store.ts'
import type { PieceRow } from './metadata.ts'

/** A traffic type is stored as its index; only ever append. */
const trafficTypes: readonly TrafficType[] = ['back-to-source', 'remote-peer', 'local-peer']

const maxCostMs = 2 ** 32 - 1

/**
 * The pieces of one task in memory: some twenty bytes per piece in typed arrays, so that a store of a million pieces
 * does not hold a million objects. Records are made when asked for.
 */
export class PieceTable {
  readonly geometry: PieceGeometry
  readonly have: Bitset
  readonly #crc32: Uint32Array
  readonly #parent: Uint32Array
  readonly #traffic: Uint8Array
  readonly #costMs: Uint32Array
  readonly #createdAt: Float64Array
  /** Peer ids by number; 0 is the origin. */
  readonly #parents = ['']
  readonly #parentNumbers = new Map([['', 0]])
  #heldBytes = 0
  #lastCreatedAt = 0

  constructor(geometry: PieceGeometry) {
    const { pieceCount } = geometry
    this.geometry = geometry
    this.have = new Bitset(pieceCount)
    this.#crc32 = new Uint32Array(pieceCount)
    this.#parent = new Uint32Array(pieceCount)
    this.#traffic = new Uint8Array(pieceCount)
    this.#costMs = new Uint32Array(pieceCount)
    this.#createdAt = new Float64Array(pieceCount)
  }

  /** Bytes of the pieces that are here. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** When the newest piece came; 0 without pieces. */
  get lastCreatedAt(): number {
    return this.#lastCreatedAt
  }

  parentNumber(peerId: string): number | undefined {
    return this.#parentNumbers.get(peerId)
  }

  get nextParentNumber(): number {
    return this.#parents.length
  }

  addParent(number: number, peerId: string): void {
    this.#parents[number] = peerId
    this.#parentNumbers.set(peerId, number)
  }

  add(piece: PieceRow): void {
    const { number } = piece
    const { length } = pieceSpan(this.geometry, number)
    this.#crc32[number] = piece.crc32
    this.#parent[number] = piece.parent
    this.#traffic[number] = piece.traffic
    this.#costMs[number] = piece.costMs
    this.#createdAt[number] = piece.createdAt
    this.#lastCreatedAt = Math.max(this.#lastCreatedAt, piece.createdAt)
    if (this.have.set(number)) this.#heldBytes += length
  }

  record(number: number): PieceRecord | undefined {
    if (!this.have.get(number)) return undefined
    return {
      number,
      ...pieceSpan(this.geometry, number),
      digest: formatCrc32(this.#crc32[number] ?? 0),
      parentId: this.#parents[this.#parent[number] ?? 0] ?? '',
      trafficType: trafficTypes[this.#traffic[number] ?? 0] ?? 'remote-peer',
      costMs: this.#costMs[number] ?? 0,
      createdAt: this.#createdAt[number] ?? 0,
    }
  }
}

/** The row of a piece that has just been received. */
export function toPieceRow(
  number: number,
  crc32: number,
  parent: number,
  facts: PieceFacts,
  createdAt: number,
): PieceRow {
  const traffic = trafficTypes.indexOf(facts.trafficType)
  if (traffic === -1) {
    throw new DfError('InvalidArgument', `"${facts.trafficType}" is not a type of traffic.`)
  }
  const costMs = Math.min(Math.max(0, Math.round(facts.costMs)), maxCostMs)
  return { number, crc32, parent, traffic, costMs, createdAt }
}
