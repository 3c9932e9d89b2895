import { formatBytes, type TaskId } from '@damselfly/core'
import { type GcPlan, type GcReason, gcReasons } from './plan.ts'
import type { GcPolicy } from './policy.ts'

export interface GcCount {
  readonly tasks: number
  readonly bytes: number
}

export type GcOutcome = 'done' | 'aborted' | 'failed'

/** What one run did. */
export interface GcRun {
  /** `room`: a download waited for the bytes. */
  readonly kind: 'regular' | 'room'
  readonly outcome: GcOutcome
  readonly durationMs: number
  readonly deleted: Readonly<Record<GcReason, GcCount>>
  readonly deletedTasks: number
  readonly freedBytes: number
  /** Chosen, but used, pinned or gone before their turn came. */
  readonly skippedTasks: number
  readonly failedTasks: number
  /** As the plan found them: what we held, what counted as 100 %, what could not be freed. */
  readonly ownBytes: number
  readonly capacityBytes: number
  readonly shortBytes: number
  /** Why the first deletion that failed did. */
  readonly firstFailure?: unknown
}

/** What a run would do, to be shown as a table or as JSON. */
export interface GcReport {
  readonly rows: readonly GcReportRow[]
  /** Victims that got no row, to keep the report short; `totals` counts them. */
  readonly omittedRows: number
  readonly totals: Readonly<Record<GcReason, GcCount>>
  readonly taskCount: number
  readonly ownBytes: number
  readonly freeBytes: number
  readonly capacityBytes: number
  /** Eviction begins at this many of our bytes, and ends at that many. */
  readonly highBytes: number
  readonly lowBytes: number
  readonly freedBytes: number
  readonly shortBytes: number
}

export interface GcReportRow {
  readonly taskId: TaskId
  readonly reason: GcReason
  readonly bytes: number
  /** How long it has not been used. */
  readonly idleMs: number
  readonly application: string
  readonly tag: string
  readonly quota?: string
}

/** `maxRows` of the victims, the first ones; the totals are of all. */
export function gcReport(
  plan: GcPlan,
  { policy, now, maxRows }: { policy: GcPolicy; now: number; maxRows: number },
): GcReport {
  const tally = new Tally()
  for (const { reason, bytes } of plan.victims) tally.add(reason, bytes)
  const rows = plan.victims
    .slice(0, maxRows)
    .map(({ taskId, reason, bytes, lastUsedAt, task, quota }) => {
      const { application, tag } = task.spec
      const row = { taskId, reason, bytes, idleMs: Math.max(0, now - lastUsedAt), application, tag }
      return quota === undefined ? row : { ...row, quota }
    })
  const { victims, ...facts } = plan
  return {
    ...facts,
    rows,
    omittedRows: victims.length - rows.length,
    totals: tally.counts,
    highBytes: Math.floor((plan.capacityBytes * policy.highPercent) / 100),
    lowBytes: Math.floor((plan.capacityBytes * policy.lowPercent) / 100),
  }
}

/** Tasks and bytes per reason. */
export class Tally {
  readonly #counts = new Map<GcReason, { tasks: number; bytes: number }>()
  tasks = 0
  bytes = 0

  add(reason: GcReason, bytes: number): void {
    const count = this.#counts.get(reason) ?? { tasks: 0, bytes: 0 }
    count.tasks += 1
    count.bytes += bytes
    this.#counts.set(reason, count)
    this.tasks += 1
    this.bytes += bytes
  }

  get counts(): Record<GcReason, GcCount> {
    const countOf = (reason: GcReason): GcCount =>
      this.#counts.get(reason) ?? { tasks: 0, bytes: 0 }
    return Object.fromEntries(
      gcReasons.map((reason) => [reason, { ...countOf(reason) }]),
    ) as Record<GcReason, GcCount>
  }
}

/** One line of a log: numbers for machines, sizes for people, only reasons that occurred. */
export function logLine(run: GcRun): Record<string, unknown> {
  const { deleted, firstFailure: err, ...facts } = run
  const occurred = Object.entries(deleted).filter(([, { tasks }]) => tasks > 0)
  const line = {
    ...facts,
    freed: formatBytes(run.freedBytes),
    deleted: Object.fromEntries(occurred),
  }
  return err === undefined ? line : { ...line, err }
}
