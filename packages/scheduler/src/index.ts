export { type SchedulerConfig, schedulerConfigSchema, unusedKeys } from './config.ts'
export type {
  DigestsEffect,
  PeerEffect,
  ResolveEffect,
  SchedulerEffect,
  SeedEffect,
} from './core/effects.ts'
export type { PeerEvent, SchedulerEvent, SeedTriggerError } from './core/events.ts'
export type {
  DownloadFacts,
  HostFacts,
  PieceDigest,
  ResolveFailure,
  TaskFacts,
} from './core/facts.ts'
export { defaultCoreOptions, type SchedulerCoreOptions } from './core/options.ts'
export { SchedulerCore } from './core/scheduler-core.ts'
export type { PeerView, TaskView } from './core/views.ts'
export { type RunningScheduler, type SchedulerDeps, startScheduler } from './scheduler.ts'
