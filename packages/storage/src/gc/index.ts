export { Collector, type CollectorDeps, type RoomOptions } from './collector.ts'
export {
  type GcCount,
  type GcOutcome,
  type GcReport,
  type GcReportRow,
  type GcRun,
  gcReport,
} from './gc-run.ts'
export {
  type GcInput,
  type GcPlan,
  type GcReason,
  type GcVictim,
  gcReasons,
  planGc,
} from './plan.ts'
export type { GcPolicy, GcQuota, GcTask, GcTaskSpec, Standing } from './policy.ts'
export { Scrub } from './scrub.ts'
export type { ScrubCursor, ScrubDamage, ScrubDeps, ScrubOptions } from './scrub-deps.ts'
export type { ScrubTask } from './scrub-order.ts'
export type { ScrubRun } from './scrub-run.ts'
export type { GcStore } from './sweep.ts'
