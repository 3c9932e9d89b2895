export {
  type Constellation,
  type ConstellationOptions,
  type Member,
  type StartOptions,
  startConstellation,
} from './constellation.ts'
export type { ContentSource } from './content.ts'
export { type DownloadOptions, type DownloadResult, downloadVia } from './download-via.ts'
export { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts'
export { generatedBytes } from './generated-bytes.ts'
export type { Corruption, Direction } from './link-controls.ts'
export { type Config, mergeConfig } from './merge-config.ts'
export type { Fault, FaultKind, FaultWindow } from './origin-faults.ts'
export type { RequestCounters, RequestRecord } from './origin-records.ts'
export {
  type ObjectRange,
  type Origin,
  type OriginOptions,
  type PutOptions,
  startOrigin,
} from './origin-server.ts'
export {
  type DaemonProcess,
  freePort,
  type ProcessSwarm,
  type ProcessSwarmOptions,
  type SwarmProcess,
  startProcessSwarm,
} from './process-swarm.ts'
export { sha256File } from './sha256-file.ts'
export { Program, type ProgramOptions } from './swarm-program.ts'
export { type TmpDir, tmpDir } from './tmp-dir.ts'
