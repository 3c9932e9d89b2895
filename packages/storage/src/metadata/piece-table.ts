import { Bitset, DfError, formatCrc32, type PieceGeometry, pieceSpan } from '@damselfly/core'
import type { PieceFacts, PieceRecord, TrafficType } from '../store.ts'
import type { BlockCache } from './block-cache.ts'
import { blockPieces, PieceBlock, type PieceRow } from './piece-block.ts'

/** A traffic type is stored as its index; only ever append. */
const trafficTypes: readonly TrafficType[] = ['back-to-source', 'remote-peer', 'local-peer']

const maxCostMs = 2 ** 32 - 1

/** A block of a task that is to be written. */
export interface ChangedBlock {
  readonly number: number
  readonly block: PieceBlock
}

/**
 * The pieces of one task: in memory which of them are here, one bit each; what else is known of them is read from the
 * metadata when asked for, 64 pieces at a time.
 */
export class PieceTable {
  readonly geometry: PieceGeometry
  readonly isSealed: boolean
  readonly have: Bitset
  /** The task's number. */
  readonly row: number
  readonly #cache: BlockCache
  #version = 0
  #heldBytes = 0
  #lastCreatedAt = 0

  constructor(geometry: PieceGeometry, row: number, isSealed: boolean, cache: BlockCache) {
    this.geometry = geometry
    this.isSealed = isSealed
    this.have = new Bitset(geometry.pieceCount)
    this.row = row
    this.#cache = cache
  }

  /** Bytes of the pieces that are here. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** When the newest piece came; 0 without pieces. */
  get lastCreatedAt(): number {
    return this.#lastCreatedAt
  }

  /** Another number after every change: what was read before an await still holds while it is the same. */
  get version(): number {
    return this.#version
  }

  parentNumber(peerId: string): number | undefined {
    if (peerId === '') return 0
    const number = this.#peers.indexOf(peerId)
    return number === -1 ? undefined : number
  }

  get nextParentNumber(): number {
    return this.#peers.length
  }

  addParent(number: number, peerId: string): void {
    this.#peers[number] = peerId
  }

  /** Takes in a block when the store is opened. False when it cannot be one of this task. */
  restore(number: number, bytes: Uint8Array): boolean {
    const block = PieceBlock.from(bytes, this.isSealed)
    const first = number * blockPieces
    const count = Math.min(blockPieces, this.geometry.pieceCount - first)
    if (block === undefined || count <= 0 || block.last >= count) return false
    for (let index = 0; index < count; index++) if (block.has(index)) this.#add(first + index)
    this.#lastCreatedAt = Math.max(this.#lastCreatedAt, block.lastCreatedAt)
    return true
  }

  /** The blocks after these pieces have come. */
  with(pieces: readonly PieceRow[]): ChangedBlock[] {
    const changed = new Map<number, PieceBlock>()
    for (const piece of pieces) {
      const number = Math.floor(piece.number / blockPieces)
      changed.set(number, (changed.get(number) ?? this.#block(number)).with(piece))
    }
    return [...changed].map(([number, block]) => ({ number, block }))
  }

  /** The block after this piece has gone. */
  without(piece: number): ChangedBlock {
    const number = Math.floor(piece / blockPieces)
    return { number, block: this.#block(number).without(piece) }
  }

  /** The blocks have been written: what they say holds from now on. */
  changed(blocks: readonly ChangedBlock[]): void {
    this.#version += 1
    for (const { number, block } of blocks) {
      this.#cache.set(this.row, number, block)
      const first = number * blockPieces
      const end = Math.min(first + blockPieces, this.geometry.pieceCount)
      for (let piece = first; piece < end; piece++) {
        if (block.has(piece - first)) this.#add(piece)
        else this.#remove(piece)
      }
      this.#lastCreatedAt = Math.max(this.#lastCreatedAt, block.lastCreatedAt)
    }
  }

  record(number: number): PieceRecord | undefined {
    if (!this.have.get(number)) return undefined
    const row = this.#block(Math.floor(number / blockPieces)).piece(number)
    if (row === undefined) {
      // The row was damaged after it had been read at the start.
      this.#remove(number)
      return undefined
    }
    return {
      number,
      ...pieceSpan(this.geometry, number),
      digest: formatCrc32(row.crc32),
      blake3: row.blake3,
      parentId: row.parent === 0 ? '' : (this.#peers[row.parent] ?? ''),
      trafficType: trafficTypes[row.traffic] ?? 'remote-peer',
      costMs: row.costMs,
      createdAt: row.createdAt,
      ...(row.seal === undefined ? {} : { seal: row.seal }),
    }
  }

  /** Held pieces of one block. */
  heldIn(block: number): number[] {
    const first = block * blockPieces
    const end = Math.min(first + blockPieces, this.geometry.pieceCount)
    const held: number[] = []
    for (let piece = first; piece < end; piece++) if (this.have.get(piece)) held.push(piece)
    return held
  }

  /** The facts of all held pieces. */
  get rows(): PieceRow[] {
    const rows: PieceRow[] = []
    for (const number of this.have.setBits()) {
      const row = this.#block(Math.floor(number / blockPieces)).piece(number)
      if (row !== undefined) rows.push(row)
    }
    return rows
  }

  /** Peer ids by number; 0 is the origin. */
  get #peers(): string[] {
    return this.#cache.parents(this.row)
  }

  #block(number: number): PieceBlock {
    return this.#cache.get(this.row, number, this.isSealed)
  }

  #add(piece: number): void {
    if (this.have.set(piece)) this.#heldBytes += this.#lengthOf(piece)
  }

  #remove(piece: number): void {
    if (this.have.clear(piece)) this.#heldBytes -= this.#lengthOf(piece)
  }

  #lengthOf(piece: number): number {
    const { contentLength, pieceLength } = this.geometry
    return Math.min(pieceLength, contentLength - piece * pieceLength)
  }
}

/** The stored form of what is known of a piece that has just been received. */
export function toPieceRow(
  piece: Pick<PieceRow, 'number' | 'crc32' | 'blake3' | 'parent' | 'seal'>,
  facts: PieceFacts,
  createdAt: number,
): PieceRow {
  const traffic = trafficTypes.indexOf(facts.trafficType)
  if (traffic === -1) {
    throw new DfError('InvalidArgument', `"${facts.trafficType}" is not a type of traffic.`)
  }
  const costMs = Math.min(Math.max(0, Math.round(facts.costMs)), maxCostMs)
  return { ...piece, traffic, costMs, createdAt }
}
