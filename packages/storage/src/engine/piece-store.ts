import {
  DfError,
  isDfError,
  Listeners,
  type PieceGeometry,
  pieceGeometry,
  type TaskId,
} from '@damselfly/core'
import { diskFull } from '../media/disk-medium.ts'
import type { Content, Medium } from '../media/medium.ts'
import { blockPieces } from '../metadata/piece-block.ts'
import { PieceTable } from '../metadata/piece-table.ts'
import { maxBlocks } from '../metadata/schema.ts'
import type { CreateOptions, DroppedPiece, PieceStore, StoredTask, TaskSpec } from '../store.ts'
import { ContentIndex } from './content-index.ts'
import type { EngineDeps } from './engine-deps.ts'
import { discard, requestOf } from './move-content.ts'
import { EngineTask, taskNotFound } from './stored-task.ts'
import type { TaskEvents } from './task-parts.ts'
import type { Tiering } from './tiering.ts'

export interface StoreParts {
  readonly deps: EngineDeps
  readonly isSealed: boolean
  readonly tiering?: Tiering
  /** Gives the directory free. */
  readonly release: () => void
}

/** Keeps the callers' names apart from the store's own. */
const notePrefix = 'note:'

/** Tasks on whatever media; see `openStore`. */
export class EngineStore implements PieceStore {
  readonly #parts: StoreParts
  readonly #tasks = new Map<TaskId, EngineTask>()
  readonly #contents = new ContentIndex<EngineTask>()
  /** The last create or delete of each task that is under way; those of one task run one after another. */
  readonly #underWay = new Map<TaskId, Promise<unknown>>()
  readonly #drops = new Listeners<DroppedPiece>()
  #closing: Promise<void> | undefined

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /** What tasks tell the store. */
  readonly events: TaskEvents = {
    dropped: (task, number) => this.#drops.emit({ taskId: task.spec.taskId, number }),
    lost: (task) => this.#lose(task),
    completed: (task) => this.#parts.tiering?.spill(task),
    leased: (task) => this.#parts.tiering?.wasRead(task),
    digestChanged: (task, before) => this.#contents.change(task, before, task.contentDigest),
  }

  /** Takes in a task of an earlier run, or one that could not be deleted. */
  restore(task: EngineTask): void {
    this.#tasks.set(task.spec.taskId, task)
    this.#contents.change(task, undefined, task.contentDigest)
  }

  get(taskId: TaskId): StoredTask | undefined {
    return this.#tasks.get(taskId)
  }

  list(): StoredTask[] {
    return [...this.#tasks.values()]
  }

  findContent(digest: string): StoredTask | undefined {
    return this.#contents.find(digest, (task) => task.isComplete && !task.isDeleted)
  }

  async create(spec: TaskSpec, { isPartial = false }: CreateOptions = {}): Promise<StoredTask> {
    this.#checkOpen()
    return await this.#inTurn(spec.taskId, () => this.#create(spec, isPartial))
  }

  async delete(taskId: TaskId): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(taskId, async () => {
      const task = this.#tasks.get(taskId)
      if (task === undefined) throw taskNotFound(taskId)
      const deleting = task.delete()
      if (task.isDeleted) this.#forget(task)
      try {
        await deleting
      } catch (error) {
        // Its row did not go.
        if (!task.isDeleted) this.restore(task)
        throw error
      }
    })
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number; usedBytes: number }> {
    this.#checkOpen()
    const { totalBytes, freeBytes } = await this.#largest.space()
    let usedBytes = 0
    for (const task of this.#tasks.values()) usedBytes += task.heldBytes
    return { totalBytes, freeBytes, usedBytes }
  }

  onDrop(listener: (dropped: DroppedPiece) => void): () => void {
    return this.#drops.add(listener)
  }

  note(name: string): string | undefined {
    this.#checkOpen()
    return this.#parts.deps.metadata.state(notePrefix + name)
  }

  setNote(name: string, text: string): void {
    this.#checkOpen()
    this.#parts.deps.metadata.setState(notePrefix + name, text)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #create(spec: TaskSpec, isPartial: boolean): Promise<EngineTask> {
    const geometry = checkGeometry(spec)
    const existing = this.#tasks.get(spec.taskId)
    if (existing !== undefined) {
      checkSameGeometry(existing, geometry)
      await this.#checkSpace(existing)
      if (!existing.isComplete && !existing.isWritable) await existing.reopen()
      return existing
    }
    const { deps, isSealed } = this.#parts
    const { crash, metadata } = deps
    const life = deps.nextLife()
    crash('create:before-content')
    const { content, medium } = await this.#createContent(spec, life, isPartial)
    crash('create:after-content')
    let task: EngineTask
    try {
      const createdAt = Math.trunc(deps.clock.now())
      const kept = { ...spec, responseHeader: { ...spec.responseHeader } }
      const facts = { spec: kept, createdAt, isSealed, medium: medium.name, life }
      const row = metadata.insertTask(facts)
      crash('create:after-row')
      deps.blocks.begin(row, isSealed)
      const table = new PieceTable(geometry, row, isSealed, deps.blocks)
      const parts = { facts: { ...facts, ...newTask, row, updatedAt: createdAt }, table }
      task = new EngineTask({ ...parts, content, medium }, this.events, deps)
    } catch (error) {
      await discard(content, deps.log)
      throw error
    }
    this.#tasks.set(spec.taskId, task)
    if (task.isComplete) this.events.completed(task)
    return task
  }

  /** In the first medium that has room. */
  async #createContent(
    spec: TaskSpec,
    life: number,
    isPartial: boolean,
  ): Promise<{ content: Content; medium: Medium }> {
    const { deps, tiering, isSealed } = this.#parts
    const request = requestOf({ spec, isSealed }, life, isPartial)
    for (const medium of deps.media) {
      try {
        return { content: await medium.create(request), medium }
      } catch (error) {
        if (medium === deps.media.at(-1) || !isDfError(error, 'DiskFull')) throw error
        tiering?.spillIdle(this.#tasks.values())
      }
    }
    throw new DfError('Internal', 'The store has no medium.')
  }

  /** What a task still lacks has to fit, too, unless it was allocated when the task was created. */
  async #checkSpace(task: EngineTask): Promise<void> {
    if (task.isComplete || !task.medium.isKept) return
    const { contentLength, taskId } = task.spec
    const allocatedBytes = (await task.home.allocatedBytes?.()) ?? 0
    const neededBytes = contentLength - Math.max(task.heldBytes, allocatedBytes)
    if (neededBytes <= 0) return
    const { freeBytes } = await task.medium.space()
    if (neededBytes > freeBytes) throw diskFull(taskId, neededBytes, freeBytes, 'the store')
  }

  get #largest(): Medium {
    const medium = this.#parts.deps.media.at(-1)
    if (medium === undefined) throw new DfError('Internal', 'The store has no medium.')
    return medium
  }

  #forget(task: EngineTask): void {
    const { taskId } = task.spec
    if (this.#tasks.get(taskId) === task) this.#tasks.delete(taskId)
    this.#contents.change(task, task.contentDigest, undefined)
    this.#parts.tiering?.forget(task)
  }

  #lose(task: EngineTask): void {
    const { log, metadata } = this.#parts.deps
    const { taskId } = task.spec
    this.#forget(task)
    task.home.close()
    log.error({ taskId }, 'the content of a task has vanished; the task was dropped')
    try {
      metadata.deleteTask(task.row)
    } catch (err) {
      log.warn({ taskId, err }, 'a task without content could not be forgotten')
    }
  }

  async #inTurn<T>(taskId: TaskId, action: () => Promise<T>): Promise<T> {
    const before = this.#underWay.get(taskId)
    // Without anybody before, the action starts within this call: `get` sees a delete at once.
    const current = before === undefined ? action() : before.then(action, action)
    this.#underWay.set(taskId, current)
    try {
      return await current
    } finally {
      if (this.#underWay.get(taskId) === current) this.#underWay.delete(taskId)
    }
  }

  async #close(): Promise<void> {
    const { deps, tiering, release } = this.#parts
    const { crash } = deps
    crash('close:begun')
    await Promise.allSettled(this.#underWay.values())
    await tiering?.close(this.#tasks.values())
    crash('close:spilled')
    await deps.commits.settled()
    await deps.syncPoints.stop()
    for (const medium of deps.media) await medium.close()
    crash('close:files-closed')
    try {
      for (const task of this.#tasks.values()) task.recordUse()
      crash('close:uses-recorded')
      await deps.metadata.close()
      crash('close:database-closed')
    } finally {
      release()
      crash('close:unlocked')
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new DfError('Internal', 'The store is closed.')
  }
}

const newTask = {
  isPinned: false,
  expiresAt: undefined,
  policy: '',
  contentDigest: undefined,
  verified: [],
}

function checkGeometry(spec: TaskSpec): PieceGeometry {
  const geometry = pieceGeometry(spec.contentLength, spec.pieceLength)
  if (geometry.pieceCount <= maxBlocks * blockPieces) return geometry
  const message = `Task ${spec.taskId} would have ${geometry.pieceCount} pieces; ${maxBlocks * blockPieces} can be stored.`
  throw new DfError('InvalidArgument', message)
}

function checkSameGeometry(task: EngineTask, { contentLength, pieceLength }: PieceGeometry): void {
  const { taskId, ...has } = task.spec
  if (has.contentLength === contentLength && has.pieceLength === pieceLength) return
  throw new DfError(
    'InvalidArgument',
    `Task ${taskId} is stored with ${has.contentLength} bytes in pieces of ${has.pieceLength}, not ${contentLength} in pieces of ${pieceLength}. Delete it first.`,
    { details: { taskId } },
  )
}
