import type { Content, Medium } from '../media/medium.ts'
import type { PieceTable } from '../metadata/piece-table.ts'
import type { TaskRow } from '../metadata/task-row.ts'
import type { EngineTask } from './stored-task.ts'

/** What the store wants to hear of its tasks. */
export interface TaskEvents {
  /** The bytes have vanished behind our back; the task is no more. */
  lost(task: EngineTask): void
  /** A piece has turned out to be bad and is here no more. */
  dropped(task: EngineTask, number: number): void
  /** The last piece has come. */
  completed(task: EngineTask): void
  /** Somebody begins to read. */
  leased(task: EngineTask): void
  /** `contentDigest` has changed. */
  digestChanged(task: EngineTask, before: string | undefined): void
}

export interface TaskParts {
  readonly facts: TaskRow
  readonly table: PieceTable
  readonly content: Content
  readonly medium: Medium
}
