import type { CollectGarbageResponse } from '@damselfly/api/store'

/** What a run deleted, or would delete, as `--json` prints it. Bytes are numbers: they stay below 2^53. */
export interface Garbage {
  readonly dryRun: boolean
  readonly rows: readonly GarbageRow[]
  /** Tasks that have no row. */
  readonly omittedRows: number
  readonly totals: Readonly<Record<string, { readonly tasks: number; readonly bytes: number }>>
  /** The next six: before the run. */
  readonly taskCount: number
  readonly ownBytes: number
  readonly freeBytes: number
  readonly capacityBytes: number
  readonly highBytes: number
  readonly lowBytes: number
  readonly freedBytes: number
  readonly shortBytes: number
  readonly skippedTasks: number
  readonly failedTasks: number
  readonly failure?: string
}

export interface GarbageRow {
  readonly taskId: string
  readonly reason: string
  readonly bytes: number
  readonly idleMs: number
  readonly application: string
  readonly tag: string
  readonly quota?: string
}

export function garbage(answer: CollectGarbageResponse): Garbage {
  const { failure } = answer
  return {
    dryRun: answer.dryRun,
    rows: answer.rows.map(({ taskId, reason, bytes, idleMs, application, tag, quota }) => ({
      taskId,
      reason,
      bytes: Number(bytes),
      idleMs: Number(idleMs),
      application,
      tag,
      ...(quota === '' ? {} : { quota }),
    })),
    omittedRows: Number(answer.omittedRows),
    totals: Object.fromEntries(
      answer.totals.map(({ reason, tasks, bytes }) => [
        reason,
        { tasks: Number(tasks), bytes: Number(bytes) },
      ]),
    ),
    taskCount: Number(answer.taskCount),
    ownBytes: Number(answer.ownBytes),
    freeBytes: Number(answer.freeBytes),
    capacityBytes: Number(answer.capacityBytes),
    highBytes: Number(answer.highBytes),
    lowBytes: Number(answer.lowBytes),
    freedBytes: Number(answer.freedBytes),
    shortBytes: Number(answer.shortBytes),
    skippedTasks: Number(answer.skippedTasks),
    failedTasks: Number(answer.failedTasks),
    ...(failure === '' ? {} : { failure }),
  }
}
