import { DfError, type TaskId } from '@damselfly/core'
import type { TestTask } from './gc-test-tasks.ts'
import type { GcStore } from './sweep.ts'

/** A store of tasks without bytes on a disk of `diskBytes`, for tests that need more tasks than a real one can have quickly. */
export class FakeGcStore implements GcStore<TestTask> {
  readonly tasks = new Map<TaskId, TestTask>()
  /** Bytes of others on the same disk. */
  strangersBytes = 0
  /** The most deletions under way at a time. */
  mostAtATime = 0
  deletions = 0
  /** Called at each deletion, before it counts. */
  onDelete: (taskId: TaskId) => Promise<void> | void = () => {}
  readonly #diskBytes: number
  #underWay = 0

  constructor(tasks: Iterable<TestTask>, diskBytes: number) {
    for (const task of tasks) this.tasks.set(task.spec.taskId, task)
    this.#diskBytes = diskBytes
  }

  list(): TestTask[] {
    return [...this.tasks.values()]
  }

  get(taskId: TaskId): TestTask | undefined {
    return this.tasks.get(taskId)
  }

  async delete(taskId: TaskId): Promise<void> {
    this.deletions += 1
    this.#underWay += 1
    this.mostAtATime = Math.max(this.mostAtATime, this.#underWay)
    try {
      await this.onDelete(taskId)
      if (!this.tasks.delete(taskId)) throw new DfError('TaskNotFound', `no task ${taskId}`)
    } finally {
      this.#underWay -= 1
    }
  }

  space(): Promise<{ freeBytes: number; usedBytes: number }> {
    let usedBytes = 0
    for (const { heldBytes } of this.tasks.values()) usedBytes += heldBytes
    const freeBytes = Math.max(0, this.#diskBytes - usedBytes - this.strangersBytes)
    return Promise.resolve({ freeBytes, usedBytes })
  }
}
