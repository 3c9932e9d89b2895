import { type Bitset, DfError, errorCode, type PieceGeometry } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import { exportFile, rangeOf } from '../export/export-file.ts'
import type { Content, Medium } from '../media/medium.ts'
import type { NameSyncs } from '../media/name-syncs.ts'
import type { PieceTable } from '../metadata/piece-table.ts'
import type { ContentPlace } from '../place/content-place.ts'
import type {
  ExportMethod,
  ExportOptions,
  PieceRecord,
  PieceReservation,
  PieceWriter,
  Retention,
  StoredTask,
  TaskSpec,
} from '../store.ts'
import { adoptContent } from './adopt-content.ts'
import type { CommittedTask, WrittenPiece } from './commit-log.ts'
import { deleteRows, isLongDeletion } from './delete-rows.ts'
import type { EngineDeps } from './engine-deps.ts'
import { checkHeld, readableLength } from './held-range.ts'
import { moveContent } from './move-content.ts'
import { CutOff, isIntact, readFailure, readPlain, Unopened } from './piece-reads.ts'
import { nameOf, Receiving } from './receiving.ts'
import { recordPieces } from './record-pieces.ts'
import type { SyncedTask } from './sync-points.ts'
import { TaskDigests } from './task-digests.ts'
import type { TaskEvents, TaskParts } from './task-parts.ts'
import { changedRetention, type KeptRetention, retentionOf } from './task-retention.ts'
import { TaskUse } from './task-use.ts'

/** A task of a store: its bytes are a content of some medium, its facts are rows. */
export class EngineTask implements StoredTask, CommittedTask, SyncedTask {
  readonly spec: TaskSpec
  readonly createdAt: number
  readonly row: number
  readonly table: PieceTable
  /** Of the content that the task began with. */
  readonly life: number
  readonly #deps: EngineDeps
  readonly #events: TaskEvents
  readonly #use: TaskUse
  /** What few tasks have is made when it is needed: a store may hold very many tasks. */
  #receiving: Receiving | undefined
  #digests: TaskDigests | undefined
  #retention: KeptRetention
  #home: Content
  #medium: Medium
  /** A copy of the complete content in memory. */
  #copy: Content | undefined
  #isDeleted = false
  /** The content is being made ready for being written again, or moved. */
  #busy = 0
  #reopening: Promise<void> | undefined
  #mustReopen = false

  constructor({ facts, table, content, medium }: TaskParts, events: TaskEvents, deps: EngineDeps) {
    this.spec = facts.spec
    this.createdAt = facts.createdAt
    this.row = facts.row
    this.life = facts.life
    this.table = table
    this.#home = content
    this.#medium = medium
    this.#retention = retentionOf(facts)
    this.#use = new TaskUse(facts.row, facts.updatedAt, deps)
    if (TaskDigests.has(facts)) this.#digests = new TaskDigests(facts, deps.metadata)
    this.#events = events
    this.#deps = deps
  }

  get geometry(): PieceGeometry {
    return this.table.geometry
  }

  get pieceCount(): number {
    return this.geometry.pieceCount
  }

  get have(): Bitset {
    return this.table.have
  }

  get heldBytes(): number {
    return this.table.heldBytes
  }

  get isComplete(): boolean {
    return this.have.isFull
  }

  get updatedAt(): number {
    return this.#use.updatedAt
  }

  get isReceiving(): boolean {
    return this.#receiving !== undefined && this.#receiving.size > 0
  }

  get isInUse(): boolean {
    return this.#use.isLeased || this.isReceiving || this.#busy > 0
  }

  get isPinned(): boolean {
    return this.#retention.isPinned
  }

  get expiresAt(): number | undefined {
    return this.#retention.expiresAt
  }

  get policy(): string {
    return this.#retention.policy
  }

  get contentDigest(): string | undefined {
    return this.#digests?.content
  }

  get isSealed(): boolean {
    return this.table.isSealed
  }

  /** Not while the content is being made ready for being written again. */
  get isWritable(): boolean {
    return !this.#mustReopen
  }

  get isDeleted(): boolean {
    return this.#isDeleted
  }

  /** Where the bytes are that count; `copy` may be faster. */
  get home(): Content {
    return this.#home
  }

  get medium(): Medium {
    return this.#medium
  }

  get copy(): Content | undefined {
    return this.#copy
  }

  get place(): ContentPlace {
    return (this.#copy ?? this.#home).place
  }

  /** Takes in a block of pieces of an earlier run. False when it cannot be one of this task. */
  restore(block: number, bytes: Uint8Array): boolean {
    if (!this.table.restore(block, bytes)) return false
    this.#use.restored(this.table.lastCreatedAt)
    return true
  }

  piece(number: number): PieceRecord | undefined {
    if (!Number.isInteger(number) || number < 0 || number >= this.pieceCount) return undefined
    return this.table.record(number)
  }

  pieces(): PieceRecord[] {
    return [...this.have.setBits()].flatMap((number) => this.table.record(number) ?? [])
  }

  reserve(number: number): PieceReservation {
    return this.#receivers.reserve(this, number, this.#deps.crash)
  }

  writePiece(number: number): PieceWriter {
    return this.#receivers.writer(this, number, this.#deps.crash)
  }

  async drop(number: number): Promise<void> {
    this.checkPresent()
    const { metadata, crash } = this.#deps
    if (this.piece(number) === undefined) return
    crash('drop:before-block')
    const change = this.table.without(number)
    metadata.putBlock(this.row, change.number, change.block, this.#epoch)
    this.table.changed([change])
    this.#deps.unsealed.forget(this.row, number)
    this.forgetCopy()
    this.#changeDigests(() => this.#digests?.forget())
    crash('drop:after-block')
    try {
      await this.reopen()
    } finally {
      this.#events.dropped(this, number)
    }
    crash('drop:after-reopening')
  }

  async verify(number: number): Promise<boolean> {
    const record = this.piece(number)
    if (record === undefined) return false
    using _lease = this.hold()
    const content = this.#home
    try {
      return await isIntact(this.#reading(content), record)
    } catch (error) {
      throw this.contentFailure(error, content, `Reading ${nameOf(this, number)}`)
    }
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    const { taskId } = this.spec
    const length = readableLength(this.spec, offset, buffer.byteLength)
    this.#checkReadable()
    this.#checkHeld({ start: offset, length })
    for (;;) {
      const content = this.#copy ?? this.#home
      try {
        await readPlain(
          this.#reading(content),
          buffer.subarray(0, length),
          offset,
          this.#deps.unsealed,
        )
        return length
      } catch (error) {
        this.#checkReadable()
        // Moved meanwhile: what failed is not ours any more.
        if (content !== this.#home && content !== this.#copy) continue
        await this.#dropDamaged(error)
        const doing = `Reading task ${taskId}`
        throw this.contentFailure(readFailure(error, taskId), content, doing)
      }
    }
  }

  lease(): Disposable {
    this.checkPresent()
    const lease = this.#use.lease(() => this.#unused())
    this.#events.leased(this)
    return lease
  }

  retain(retention: Retention): void {
    this.checkPresent()
    this.#deps.crash('retain:before-row')
    const kept = changedRetention(this.#retention, retention)
    this.#deps.metadata.retainTask(this.row, kept)
    this.#retention = kept
    this.#deps.crash('retain:after-row')
  }

  recordVerified(digest: string): void {
    this.#addDigest(digest, false)
  }

  isVerified(digest: string): boolean {
    return this.#digests?.isVerified(digest) ?? false
  }

  recordContentDigest(digest: string): void {
    if (!this.isComplete) {
      const message = `Task ${this.spec.taskId} is not complete: its content has no digest.`
      throw new DfError('InvalidArgument', message)
    }
    this.#addDigest(digest, true)
  }

  async adopt(from: StoredTask): Promise<void> {
    const isOurs = from instanceof EngineTask && from.#deps === this.#deps
    await adoptContent(this, from, isOurs ? from : undefined, this.#deps)
  }

  async exportTo(path: string, options: ExportOptions): Promise<ExportMethod> {
    using _lease = this.lease()
    const range = rangeOf(this.spec, options)
    this.#checkHeld(range)
    const { file } = this.#home
    const content = {
      range,
      isWhole: range.length === this.spec.contentLength,
      ...(file === undefined ? {} : { file }),
      read: (buffer: Uint8Array, offset: number) => this.read(buffer, offset),
      checkHeld: () => this.#checkHeld(range),
    }
    return await exportFile(content, path, options, this.#deps)
  }

  /** Writes the time of the last use, which is kept in memory between. */
  recordUse(): void {
    if (!this.#isDeleted) this.#use.record()
  }

  /** The facts first: a crash in between leaves a content that no row names, which the next open removes. */
  async delete(): Promise<void> {
    const { metadata, deletions, crash } = this.#deps
    crash('delete:before-row')
    const isLong = isLongDeletion(this.pieceCount)
    // Nobody is to begin with it from now on; it is there again should the row not go.
    this.#isDeleted = true
    try {
      if (isLong) metadata.condemnTask(this.row)
      else await deletions.delete(this.row)
    } catch (error) {
      this.#isDeleted = false
      throw error
    }
    crash(isLong ? 'delete:condemned' : 'delete:after-row')
    this.forgetCopy()
    try {
      await this.#removeContent()
    } finally {
      if (isLong) await deleteRows(this, this.#deps)
    }
  }

  async #removeContent(): Promise<void> {
    const home = this.#home
    try {
      await home.remove(this.#use.isHeld)
    } catch (error) {
      throw this.contentFailure(error, home, `Removing the bytes of task ${this.spec.taskId}`)
    } finally {
      if (!this.#use.isHeld) home.close()
    }
    this.#deps.crash('delete:after-content')
  }

  async syncContent(names: NameSyncs): Promise<void> {
    const content = this.#home
    try {
      await content.sync(names)
    } catch (error) {
      // Moved meanwhile, and what has moved has been synced.
      if (content !== this.#home) return
      throw this.contentFailure(error, content, `Syncing task ${this.spec.taskId}`)
    }
  }

  async distrust(epoch: number): Promise<void> {
    for (const number of this.suspects(epoch - 1)) await this.drop(number)
  }

  /** Held pieces whose record is younger than the epoch, and their neighbours in the same rows. */
  suspects(epoch: number): number[] {
    return this.#deps.metadata
      .blocksSince(this.row, epoch)
      .flatMap((block) => this.table.heldIn(block))
  }

  record(pieces: readonly WrittenPiece[]): { apply(): void } {
    const { row, table } = this
    const createdAt = Math.trunc(this.#deps.clock.now())
    const target = { row, table, epoch: this.#epoch, createdAt }
    const recorded = recordPieces(target, pieces, this.#deps)
    return {
      apply: () => {
        recorded.apply()
        this.#use.touch()
        if (this.#medium.isKept) this.#deps.syncPoints.mark(this)
        if (!this.isComplete) return
        this.#home.settle?.()
        this.#events.completed(this)
      },
    }
  }

  checkPresent(): void {
    if (this.#isDeleted) throw taskNotFound(this.spec.taskId)
  }

  async commit(piece: WrittenPiece): Promise<PieceRecord> {
    this.checkPresent()
    return await this.#deps.commits.commit(this, piece)
  }

  /** What callers are told when the content fails. Content that is not there any more ends its task. */
  contentFailure(thrown: unknown, content: Content, doing: string): DfError {
    if (errorCode(thrown) === 'ENOENT' && content === this.#home && !this.#isDeleted) {
      this.#isDeleted = true
      this.#events.lost(this)
    }
    return diskError(thrown, doing, content.file ?? this.#medium.name)
  }

  /** Makes the content of an incomplete task ready to be written to, which it was not while it was complete. */
  reopen(): Promise<void> {
    this.#busy += 1
    this.#mustReopen = true
    const before = this.#reopening ?? Promise.resolve()
    this.#reopening = before
      .catch(() => {})
      .then(() => this.#reopen())
      .finally(() => {
        this.#busy -= 1
      })
    return this.#reopening
  }

  /** The content has a new home; the old one is the caller's to remove. */
  movedTo(home: Content, medium: Medium): void {
    this.#home = home
    this.#medium = medium
    if (medium.isKept) this.#deps.syncPoints.mark(this)
  }

  keepCopy(copy: Content): void {
    this.forgetCopy()
    this.#copy = copy
  }

  forgetCopy(): void {
    const copy = this.#copy
    this.#copy = undefined
    if (copy !== undefined) this.retire(copy)
  }

  /** Closes what this task's bytes were once all who may have been told of it have done with it. */
  retire(content: Content): void {
    this.#use.afterHolders(() => content.close())
  }

  /** The content stays readable for the store itself, whoever deletes the task. */
  hold(): Disposable {
    return this.#use.hold(() => this.#unused())
  }

  async #reopen(): Promise<void> {
    if (this.#isDeleted) return
    const content = this.#home
    try {
      // Again and again: a move is given up when another piece is dropped meanwhile. Where somebody receives already the bytes
      // are ours; another name of them is that of an adoption which is about to find that they have changed.
      while (!this.#isDeleted && !this.isReceiving && (await this.#home.unsettle?.()) === false) {
        await moveContent(this, this.#medium, this.#deps)
      }
      // The bytes are about to change: a power cut must not bring back a record of the old ones, be it this task's or that of
      // a task that shared them and was deleted a moment ago.
      await this.#deps.commits.syncLog()
      this.#deps.crash('drop:after-log-sync')
      this.#mustReopen = false
    } catch (error) {
      throw this.contentFailure(error, content, `Reopening task ${this.spec.taskId}`)
    }
  }

  get #receivers(): Receiving {
    this.#receiving ??= new Receiving()
    return this.#receiving
  }

  #addDigest(digest: string, isContent: boolean): void {
    this.checkPresent()
    this.#deps.crash('digest:before-row')
    this.#digests ??= new TaskDigests(this, this.#deps.metadata)
    const digests = this.#digests
    this.#changeDigests(() => digests.add(digest, isContent))
    this.#deps.crash('digest:after-row')
  }

  #changeDigests(change: () => void): void {
    const before = this.contentDigest
    change()
    if (before !== this.contentDigest) this.#events.digestChanged(this, before)
  }

  /** Nobody needs the content any more, unless somebody comes. */
  #unused(): void {
    if (this.#isDeleted) this.#home.close()
  }

  #reading(content: Content) {
    const piece = (number: number): PieceRecord | undefined => this.table.record(number)
    return { content, geometry: this.geometry, row: this.row, piece }
  }

  async #dropDamaged(error: unknown): Promise<void> {
    const pieces =
      error instanceof CutOff ? error.pieces : error instanceof Unopened ? [error.piece] : []
    if (this.#isDeleted) return
    for (const number of pieces) await this.drop(number)
  }

  #checkHeld(range: { readonly start: number; readonly length: number }): void {
    checkHeld(this.spec.taskId, this.have, this.geometry, range)
  }

  /** A deleted task can still be read under a lease. */
  #checkReadable(): void {
    if (!this.#use.isLeased) this.checkPresent()
  }

  get #epoch(): number {
    const isUncertain = this.#medium.isKept && !this.#deps.commits.isDurable
    return isUncertain ? this.#deps.syncPoints.epoch : 0
  }
}

export function taskNotFound(taskId: string): DfError {
  return new DfError('TaskNotFound', `Task ${taskId} is not in the store.`, { details: { taskId } })
}
