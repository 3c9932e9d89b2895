import {
  type Bitset,
  type Clock,
  DfError,
  type Disk,
  type Log,
  type PieceGeometry,
  pieceSpan,
  piecesOverlapping,
} from '@damselfly/core'
import type {
  ExportMethod,
  ExportOptions,
  PieceFacts,
  PieceRecord,
  PieceWriter,
  StoredTask,
  TaskSpec,
} from '../store.ts'
import { diskError } from './disk-errors.ts'
import { exportFile, rangeOf } from './export-file.ts'
import type { Metadata } from './metadata.ts'
import type { FileOwner, OpenFiles, PinnedFile } from './open-files.ts'
import { type PieceTable, toPieceRow } from './piece-table.ts'
import { DiskPieceWriter } from './piece-writer.ts'

/** Being read counts as use, and use is recorded no more often than this: eviction needs no better order. */
const touchIntervalMs = 60_000

export interface DiskTaskOptions {
  readonly spec: TaskSpec
  /** The task's number in the metadata. */
  readonly row: number
  readonly path: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly table: PieceTable
}

export interface DiskTaskDeps {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly files: OpenFiles
  readonly metadata: Metadata
}

/** A task whose bytes are one sparse file and whose facts are rows. */
export class DiskTask implements StoredTask, FileOwner {
  readonly spec: TaskSpec
  readonly path: string
  readonly createdAt: number
  readonly #row: number
  readonly #table: PieceTable
  readonly #deps: DiskTaskDeps
  readonly #receiving = new Set<number>()
  /** Writes of aborted writers that have not reached the file; they would fall onto a later writer's bytes. */
  readonly #straying = new Map<number, Promise<unknown>>()
  #updatedAt: number
  #recordedUpdate: number
  #leases = 0
  #isDeleted = false
  /** Keeps the unlinked file readable until the last lease ends. */
  #lastPin: PinnedFile | undefined

  constructor(options: DiskTaskOptions, deps: DiskTaskDeps) {
    this.spec = options.spec
    this.path = options.path
    this.createdAt = options.createdAt
    this.#row = options.row
    this.#table = options.table
    this.#updatedAt = options.updatedAt
    this.#recordedUpdate = options.updatedAt
    this.#deps = deps
  }

  get geometry(): PieceGeometry {
    return this.#table.geometry
  }

  get pieceCount(): number {
    return this.geometry.pieceCount
  }

  get have(): Bitset {
    return this.#table.have
  }

  get isComplete(): boolean {
    return this.have.isFull
  }

  get updatedAt(): number {
    return this.#updatedAt
  }

  get isDeleted(): boolean {
    return this.#isDeleted
  }

  get heldBytes(): number {
    return this.#table.heldBytes
  }

  /** A complete file may have been made read-only by an export. */
  get openMode(): 'r' | 'r+' {
    return this.isComplete ? 'r' : 'r+'
  }

  piece(number: number): PieceRecord | undefined {
    if (!Number.isInteger(number) || number < 0 || number >= this.pieceCount) return undefined
    return this.#table.record(number)
  }

  pieces(): PieceRecord[] {
    return [...this.have.setBits()].flatMap((number) => this.#table.record(number) ?? [])
  }

  writePiece(number: number): PieceWriter {
    this.#checkPresent()
    const span = pieceSpan(this.geometry, number)
    const name = `piece ${number} of task ${this.spec.taskId}`
    if (this.have.get(number))
      throw new DfError('InvalidArgument', `The store has ${name} already.`)
    if (this.#receiving.has(number)) {
      throw new DfError('InvalidArgument', `Somebody is receiving ${name} already.`)
    }
    this.#receiving.add(number)
    return new DiskPieceWriter({
      path: this.path,
      name,
      ...span,
      earlierWrite: this.#straying.get(number),
      pin: () => this.#pin(),
      record: (crc32, facts) => this.#record(number, crc32, facts),
      released: (lastWrite) => this.#released(number, lastWrite),
    })
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    const { contentLength } = this.spec
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > contentLength) {
      const message = `Offset ${offset} is outside the ${contentLength} bytes of task ${this.spec.taskId}.`
      throw new DfError('InvalidArgument', message)
    }
    const length = Math.min(buffer.byteLength, contentLength - offset)
    this.#checkHeld(offset, length)
    if (length === 0) return 0
    using pinned = await this.#pin()
    const doing = `Reading task ${this.spec.taskId}`
    const count = await pinned.file.read(buffer.subarray(0, length), offset).catch((error) => {
      throw diskError(error, doing, this.path)
    })
    if (count === length) return count
    throw new DfError(
      'DiskFailed',
      `${doing} failed: ${this.path} was cut to ${offset + count} of ${contentLength} bytes. Delete the task and fetch it again.`,
      { details: { path: this.path } },
    )
  }

  lease(): Disposable {
    this.#checkPresent()
    this.#leases += 1
    this.#updatedAt = this.#deps.clock.now()
    if (this.#updatedAt - this.#recordedUpdate >= touchIntervalMs) this.recordUse()
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return
        isHeld = false
        this.#leases -= 1
        if (this.#isDeleted && this.#leases === 0) this.#letGo()
      },
    }
  }

  /**
   * A hard link shares its bytes with the store, so the file is made read-only first: an edit in place would change what
   * other peers get, and now fails for all but root. Editors that replace the file are fine.
   */
  async exportTo(path: string, options: ExportOptions): Promise<ExportMethod> {
    using _lease = this.lease()
    const range = rangeOf(this.spec, options)
    this.#checkHeld(range.start, range.length)
    const isWhole = range.length === this.spec.contentLength
    const content = {
      path: this.path,
      range,
      isWhole,
      read: (buffer: Uint8Array, offset: number) => this.read(buffer, offset),
    }
    return await exportFile(content, path, options, this.#deps.disk)
  }

  /** Writes the time of the last use, which is kept in memory between. */
  recordUse(): void {
    if (this.#isDeleted || this.#recordedUpdate === this.#updatedAt) return
    this.#recordedUpdate = this.#updatedAt
    try {
      this.#deps.metadata.touchTask(this.#row, Math.trunc(this.#updatedAt))
    } catch (err) {
      // Losing it makes eviction a little less fair, which is no reason to fail a reader.
      this.#deps.log.warn({ taskId: this.spec.taskId, err }, 'the use of a task was not recorded')
    }
  }

  /** The facts first: a crash in between leaves a file that no row names, which the next open removes. */
  async delete(): Promise<void> {
    this.#deps.metadata.deleteTask(this.#row)
    this.#isDeleted = true
    const { disk, files, log } = this.#deps
    try {
      // Opened before the name is gone. The name must go now: the task may be created again.
      if (this.#leases > 0) this.#lastPin = await files.pin(this)
    } catch (err) {
      log.warn({ taskId: this.spec.taskId, err }, 'readers of a deleted task lose it')
    }
    if (this.#leases === 0) this.#letGo()
    await disk.remove(this.path).catch((error) => {
      throw diskError(error, `Removing the bytes of task ${this.spec.taskId}`, this.path)
    })
  }

  #letGo(): void {
    this.#lastPin?.[Symbol.dispose]()
    this.#deps.files.forget(this)
  }

  async #pin(): Promise<PinnedFile> {
    this.#checkReadable()
    const pinned = await this.#deps.files.pin(this).catch((error) => {
      this.#checkReadable()
      throw diskError(error, `Opening the content of task ${this.spec.taskId}`, this.path)
    })
    try {
      // Deleted meanwhile: what was opened may be the file of the task's next life.
      this.#checkReadable()
    } catch (error) {
      pinned[Symbol.dispose]()
      throw error
    }
    return pinned
  }

  #record(number: number, crc32: number, facts: PieceFacts): PieceRecord {
    this.#checkPresent()
    const { metadata, clock } = this.#deps
    const parent = this.#table.parentNumber(facts.parentId) ?? this.#addParent(facts.parentId)
    const row = toPieceRow(number, crc32, parent, facts, Math.trunc(clock.now()))
    metadata.insertPiece(this.#row, row)
    this.#table.add(row)
    this.#updatedAt = Math.max(this.#updatedAt, row.createdAt)
    return this.#table.record(number) as PieceRecord
  }

  #addParent(peerId: string): number {
    const number = this.#table.nextParentNumber
    // A parent without pieces harms nobody, so this needs no transaction with the piece's row.
    this.#deps.metadata.insertParent(this.#row, number, peerId)
    this.#table.addParent(number, peerId)
    return number
  }

  #released(number: number, lastWrite: Promise<unknown> | undefined): void {
    this.#receiving.delete(number)
    if (lastWrite === undefined) return
    const settled = lastWrite
      .catch(() => {})
      .then(() => {
        if (this.#straying.get(number) === settled) this.#straying.delete(number)
      })
    this.#straying.set(number, settled)
  }

  #checkHeld(offset: number, length: number): void {
    const { first, end } = piecesOverlapping(this.geometry, { start: offset, length })
    if (this.have.containsAll(first, end)) return
    const missing = this.have.firstUnset(first)
    throw new DfError(
      'PieceNotFound',
      `Piece ${missing} of task ${this.spec.taskId} is not in the store.`,
      { details: { taskId: this.spec.taskId, number: missing } },
    )
  }

  /** A deleted task can still be read under a lease. */
  #checkReadable(): void {
    if (this.#leases === 0) this.#checkPresent()
  }

  #checkPresent(): void {
    if (this.#isDeleted) throw taskNotFound(this.spec.taskId)
  }
}

export function taskNotFound(taskId: string): DfError {
  return new DfError('TaskNotFound', `Task ${taskId} is not in the store.`, { details: { taskId } })
}
