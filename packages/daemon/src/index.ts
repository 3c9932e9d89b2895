export { type DaemonConfig, daemonConfigSchema, unusedKeys } from './config.ts'
export { type RunningDaemon, startDaemon } from './daemon.ts'
export type { DaemonDeps } from './parts/world.ts'
