import type { Bitset, TaskId } from '@damselfly/core'
import { Heap } from './heap.ts'

/** What the scrub needs of a task. Every `StoredTask` is one. */
export interface ScrubTask {
  readonly spec: { readonly taskId: TaskId }
  readonly have: Bitset
  piece(number: number): { readonly length: number; readonly createdAt: number } | undefined
  /** Reads the piece and compares it with its recorded digest. */
  verify(number: number): Promise<boolean>
  /** Forgets the piece, so that it is fetched again. */
  drop(number: number): Promise<void>
}

const tasksPerStep = 256

/**
 * The next `count` tasks in the order of their ids, from `from` on. Ids do not change over restarts and new tasks fall anywhere
 * between, so an id is all that has to be remembered of the way. Looks at all tasks in steps and keeps `count`.
 */
export function* nextTasks<T extends ScrubTask>(
  tasks: Iterable<T>,
  from: TaskId | undefined,
  count: number,
): Generator<undefined, T[], undefined> {
  // The greatest on top, to be replaced by a lesser one.
  const kept = new Heap<T>((a, b) => a.spec.taskId > b.spec.taskId)
  let looked = 0
  for (const task of tasks) {
    const { taskId } = task.spec
    const greatest = kept.size < count ? undefined : kept.first?.spec.taskId
    if ((from === undefined || taskId >= from) && (greatest === undefined || taskId < greatest)) {
      if (greatest !== undefined) kept.pop()
      kept.push(task)
    }
    looked += 1
    if (looked % tasksPerStep === 0) yield
  }
  const descending: T[] = []
  for (let next = kept.pop(); next !== undefined; next = kept.pop()) descending.push(next)
  return descending.reverse()
}
