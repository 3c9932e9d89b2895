export { type SchedulerConfig, schedulerConfigSchema, unusedKeys } from './config.ts'
export type {
  DigestsEffect,
  PeerEffect,
  ResolveEffect,
  SchedulerEffect,
  SeedEffect,
} from './core/effects.ts'
export type {
  HeldTask,
  InventoryAnnounced,
  ParentsAsked,
  PeerEvent,
  PeerReported,
  SchedulerEvent,
  SeedTriggerError,
} from './core/events.ts'
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
export { drawArm } from './experiments/draw-arm.ts'
export type { Arm, Experiment } from './experiments/experiment.ts'
export {
  type ExperimentSpec,
  experimentSchema,
  parseExperiment,
} from './experiments/experiment-schema.ts'
export { Judge, type Judgement } from './experiments/judge/judge.ts'
export { replay } from './experiments/shadow/replay.ts'
export { readSnapshot, type Snapshot } from './experiments/shadow/snapshot.ts'
export type { SwarmRecord } from './experiments/swarm-record.ts'
export type { PolicyModule } from './policy/load-policy.ts'
export { type RunningScheduler, type SchedulerDeps, startScheduler } from './scheduler.ts'
