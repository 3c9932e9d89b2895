import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type CollectGarbageRequest,
  type CollectGarbageResponse,
  CollectGarbageResponseSchema,
  type GarbageRowSchema,
} from '@damselfly/api/store'
import { DfError } from '@damselfly/core'
import {
  type GcCount,
  type GcReason,
  type GcReport,
  type GcReportRow,
  type GcVictim,
  gcReasons,
} from '@damselfly/storage/gc'
import type { DaemonContext } from './context.ts'

type Context = Pick<DaemonContext, 'storeCare' | 'busy' | 'clock'>
type Row = MessageInitShape<typeof GarbageRowSchema>
type Totals = Readonly<Record<GcReason, GcCount>>

const usualRows = 1_000
/** Well below what fits into an answer. */
const mostRows = 10_000

/** damselfly.v1.Store/CollectGarbage: what goes, or would, and why. */
export async function collectGarbage(
  request: CollectGarbageRequest,
  context: Context,
  signal: AbortSignal,
): Promise<CollectGarbageResponse> {
  const maxRows = Math.min(request.maxRows ?? usualRows, mostRows)
  using _ = { [Symbol.dispose]: context.busy() }
  return request.dryRun
    ? await wouldCollect(maxRows, context, signal)
    : await collect(maxRows, context, signal)
}

async function wouldCollect(
  maxRows: number,
  { storeCare }: Context,
  signal: AbortSignal,
): Promise<CollectGarbageResponse> {
  const report = await storeCare.dryRun({ maxRows, signal })
  return create(CollectGarbageResponseSchema, {
    ...before(report),
    dryRun: true,
    rows: report.rows.map(reportedRow),
    omittedRows: whole(report.omittedRows),
    totals: totals(report.totals),
    freedBytes: whole(report.freedBytes),
    shortBytes: whole(report.shortBytes),
  })
}

async function collect(
  maxRows: number,
  { storeCare, clock }: Context,
  signal: AbortSignal,
): Promise<CollectGarbageResponse> {
  const found = before(await storeCare.dryRun({ maxRows: 0, signal }))
  const victims: GcVictim[] = []
  const run = await storeCare.collect(signal, (victim) => {
    if (victims.length < maxRows) victims.push(victim)
  })
  return create(CollectGarbageResponseSchema, {
    ...found,
    rows: victims.sort(asPlanned).map((victim) => deletedRow(victim, clock.now())),
    omittedRows: whole(run.deletedTasks - victims.length),
    totals: totals(run.deleted),
    freedBytes: whole(run.freedBytes),
    shortBytes: whole(run.shortBytes),
    skippedTasks: whole(run.skippedTasks),
    failedTasks: whole(run.failedTasks),
    failure: run.firstFailure === undefined ? '' : DfError.from(run.firstFailure).message,
  })
}

/** Several deletions are under way at a time, and the smaller ones end first. */
function asPlanned(a: GcVictim, b: GcVictim): number {
  const byReason = gcReasons.indexOf(a.reason) - gcReasons.indexOf(b.reason)
  if (byReason !== 0 || a.lastUsedAt !== b.lastUsedAt)
    return byReason || a.lastUsedAt - b.lastUsedAt
  return a.taskId < b.taskId ? -1 : 1
}

function before(report: GcReport) {
  return {
    taskCount: whole(report.taskCount),
    ownBytes: whole(report.ownBytes),
    freeBytes: whole(report.freeBytes),
    capacityBytes: whole(report.capacityBytes),
    highBytes: whole(report.highBytes),
    lowBytes: whole(report.lowBytes),
  }
}

const totals = (counts: Totals) =>
  gcReasons
    .map((reason) => ({ reason, ...counts[reason] }))
    .filter(({ tasks }) => tasks > 0)
    .map(({ reason, tasks, bytes }) => ({ reason, tasks: whole(tasks), bytes: whole(bytes) }))

function deletedRow({ quota, ...victim }: GcVictim, now: number): Row {
  const { taskId, reason, bytes, lastUsedAt, task } = victim
  const { application, tag } = task.spec
  const row = { taskId, reason, bytes, idleMs: Math.max(0, now - lastUsedAt), application, tag }
  return reportedRow(quota === undefined ? row : { ...row, quota })
}

function reportedRow({ bytes, idleMs, ...row }: GcReportRow): Row {
  return { ...row, bytes: whole(bytes), idleMs: whole(idleMs) }
}

/** Percentages of bytes and differences of times can have fractions, which a BigInt refuses. */
const whole = (value: number): bigint => BigInt(Math.round(value))
