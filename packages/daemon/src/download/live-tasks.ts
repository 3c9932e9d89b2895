import type { TaskId } from '@damselfly/core'
import { isDfError } from '@damselfly/core'
import type { PieceRecord, PieceStore, StoredTask, TaskSpec } from '@damselfly/storage'
import { LiveTask } from './live-task.ts'

/** The tasks of this host as live objects; one `LiveTask` per stored task, made on first use. */
export class LiveTasks {
  readonly #store: PieceStore
  readonly #onPiece: (record: PieceRecord) => void
  readonly #live = new Map<TaskId, LiveTask>()

  /** `onPiece` is told of every piece that comes in from a peer or the origin. */
  constructor(store: PieceStore, onPiece: (record: PieceRecord) => void) {
    this.#store = store
    this.#onPiece = onPiece
  }

  get(taskId: TaskId): LiveTask | undefined {
    const stored = this.#store.get(taskId)
    return stored === undefined ? undefined : this.#wrap(stored)
  }

  /** The task with this geometry, made when it is not there. */
  async open(spec: TaskSpec): Promise<LiveTask> {
    return this.#wrap(await this.#store.create(spec))
  }

  /** Forgets a task and its bytes; unknown tasks are fine. */
  async discard(taskId: TaskId): Promise<void> {
    this.#live.delete(taskId)
    try {
      await this.#store.delete(taskId)
    } catch (error) {
      if (!isDfError(error, 'TaskNotFound')) throw error
    }
  }

  list(): LiveTask[] {
    return this.#store
      .list()
      .map((stored) => this.get(stored.spec.taskId))
      .filter((live) => live !== undefined)
  }

  #wrap(stored: StoredTask): LiveTask {
    const { taskId } = stored.spec
    const known = this.#live.get(taskId)
    if (known?.stored === stored) return known
    const live = new LiveTask(stored, this.#onPiece)
    this.#live.set(taskId, live)
    return live
  }
}
