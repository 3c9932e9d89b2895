import { DfError, type Disk, type PieceGeometry, pieceGeometry, type TaskId } from '@damselfly/core'
import type { PieceStore, StoredTask, TaskSpec } from '../store.ts'
import { contentPath, createContentFile, type StoreLayout } from './content-files.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { diskError } from './disk-errors.ts'
import { DiskTask, type DiskTaskDeps, taskNotFound } from './disk-task.ts'
import { PieceTable } from './piece-table.ts'

export interface DiskStoreDeps extends DiskTaskDeps {
  readonly layout: StoreLayout
  readonly lock: DirectoryLock
}

/** Tasks as files under one directory; see `openDiskStore`. */
export class DiskStore implements PieceStore {
  readonly #deps: DiskStoreDeps
  readonly #tasks: Map<TaskId, DiskTask>
  /** The last create or delete of each task that is under way; those of one task run one after another. */
  readonly #underWay = new Map<TaskId, Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(tasks: Iterable<DiskTask>, deps: DiskStoreDeps) {
    this.#tasks = new Map([...tasks].map((task) => [task.spec.taskId, task]))
    this.#deps = deps
  }

  get(taskId: TaskId): StoredTask | undefined {
    return this.#tasks.get(taskId)
  }

  list(): StoredTask[] {
    return [...this.#tasks.values()]
  }

  async create(spec: TaskSpec): Promise<StoredTask> {
    this.#checkOpen()
    return await this.#inTurn(spec.taskId, () => this.#create(spec))
  }

  async delete(taskId: TaskId): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(taskId, async () => {
      const task = this.#tasks.get(taskId)
      if (task === undefined) throw taskNotFound(taskId)
      const deleting = task.delete()
      // The row is gone by now unless that failed, in which case the task is still there.
      if (task.isDeleted) this.#tasks.delete(taskId)
      await deleting
    })
  }

  async space(): Promise<{ totalBytes: number; freeBytes: number; usedBytes: number }> {
    this.#checkOpen()
    const { totalBytes, freeBytes } = await this.#freeSpace()
    let usedBytes = 0
    for (const task of this.#tasks.values()) usedBytes += task.heldBytes
    return { totalBytes, freeBytes, usedBytes }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #create(spec: TaskSpec): Promise<DiskTask> {
    const geometry = pieceGeometry(spec.contentLength, spec.pieceLength)
    const existing = this.#tasks.get(spec.taskId)
    if (existing !== undefined) {
      checkSameGeometry(existing, geometry)
      await this.#checkSpace(spec, spec.contentLength - existing.heldBytes)
      return existing
    }
    const { clock, disk, layout, metadata } = this.#deps
    const path = contentPath(layout, spec.taskId)
    await this.#checkSpace(spec, spec.contentLength)
    await createContentFile(disk, path, spec.contentLength)
    const now = Math.trunc(clock.now())
    const task = await removingOnFailure(disk, path, () => {
      const row = metadata.insertTask(spec, now)
      const table = new PieceTable(geometry)
      const kept = { ...spec, responseHeader: { ...spec.responseHeader } }
      return new DiskTask(
        { spec: kept, row, path, createdAt: now, updatedAt: now, table },
        this.#deps,
      )
    })
    this.#tasks.set(spec.taskId, task)
    return task
  }

  async #checkSpace(spec: TaskSpec, neededBytes: number): Promise<void> {
    if (neededBytes === 0) return
    const { freeBytes } = await this.#freeSpace()
    if (neededBytes <= freeBytes) return
    throw new DfError(
      'DiskFull',
      `Task ${spec.taskId} needs ${neededBytes} bytes, but ${this.#deps.layout.content} has ${freeBytes} free. Free space there or lower the store's threshold.`,
      { details: { neededBytes, freeBytes, path: this.#deps.layout.content } },
    )
  }

  async #freeSpace(): Promise<{ totalBytes: number; freeBytes: number }> {
    const { disk, layout } = this.#deps
    try {
      return await disk.space(layout.content)
    } catch (error) {
      throw diskError(error, 'Asking for free space', layout.content)
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
    const { files, metadata, lock } = this.#deps
    await Promise.allSettled(this.#underWay.values())
    await files.close()
    try {
      for (const task of this.#tasks.values()) task.recordUse()
      metadata.close()
    } finally {
      lock.release()
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new DfError('Internal', 'The store is closed.')
  }
}

function checkSameGeometry(task: DiskTask, { contentLength, pieceLength }: PieceGeometry): void {
  const { taskId, ...has } = task.spec
  if (has.contentLength === contentLength && has.pieceLength === pieceLength) return
  throw new DfError(
    'InvalidArgument',
    `Task ${taskId} is stored with ${has.contentLength} bytes in pieces of ${has.pieceLength}, not ${contentLength} in pieces of ${pieceLength}. Delete it first.`,
    { details: { taskId } },
  )
}

async function removingOnFailure<T>(disk: Disk, path: string, action: () => T): Promise<T> {
  try {
    return action()
  } catch (error) {
    await disk.remove(path).catch(() => {})
    throw error
  }
}
