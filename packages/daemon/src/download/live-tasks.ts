import type { TaskId } from '@damselfly/core'
import { isDfError } from '@damselfly/core'
import type {
  CreateOptions,
  PieceRecord,
  PieceStore,
  StoredTask,
  TaskSpec,
} from '@damselfly/storage'
import { LiveTask } from './live-task.ts'

/** The tasks of this host as live objects; one `LiveTask` per stored task, made on first use. */
export class LiveTasks {
  readonly #store: PieceStore
  readonly #onPiece: (record: PieceRecord) => void
  readonly #live = new Map<TaskId, LiveTask>()
  #makeRoom = async (_bytes: number, _sparing: TaskId): Promise<boolean> => false

  /** `onPiece` is told of every piece that comes in from a peer or the origin. */
  constructor(store: PieceStore, onPiece: (record: PieceRecord) => void) {
    this.#store = store
    store.onDrop(({ taskId, number }) => this.#live.get(taskId)?.dropped(number))
    this.#onPiece = onPiece
  }

  get(taskId: TaskId): LiveTask | undefined {
    const stored = this.#store.get(taskId)
    return stored === undefined ? undefined : this.#wrap(stored)
  }

  /** Who can delete what is not needed: asked for so many bytes when a task does not fit. One at most. */
  onShort(makeRoom: (bytes: number, sparing: TaskId) => Promise<boolean>): void {
    this.#makeRoom = makeRoom
  }

  /** The task with this geometry, made when it is not there. What does not fit makes others go first. */
  async open(spec: TaskSpec, options?: CreateOptions): Promise<LiveTask> {
    try {
      return this.#wrap(await this.#store.create(spec, options))
    } catch (error) {
      const neededBytes = isDfError(error, 'DiskFull') ? error.details.neededBytes : undefined
      if (typeof neededBytes !== 'number') throw error
      if (!(await this.#makeRoom(neededBytes, spec.taskId))) throw error
      return this.#wrap(await this.#store.create(spec, options))
    }
  }

  /** A complete task whose whole content was checked to have this digest. */
  findContent(digest: string): StoredTask | undefined {
    return this.#store.findContent(digest)
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
