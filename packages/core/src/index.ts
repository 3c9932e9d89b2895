export { background } from './async/background.ts'
export { type Deferred, deferred } from './async/deferred.ts'
export { type LinkedSignal, linkSignals } from './async/link-signals.ts'
export { Semaphore } from './async/semaphore.ts'
export { abortable, type Deadline, deadline, sleep } from './async/time.ts'
export { type ErrorCode, errorTraits, type GrpcStatus } from './errors/codes.ts'
export {
  type Blame,
  DfError,
  type DfErrorOptions,
  isAbort,
  isDfError,
} from './errors/df-error.ts'
export { type RepeatingTaskOptions, repeatingTask } from './lifecycle/repeating-task.ts'
export type { Running } from './lifecycle/running.ts'
export { ServiceStack, startWith } from './lifecycle/service-stack.ts'
export { createLog, type Log, type LogLevel, type LogOptions, silentLog } from './observe/logger.ts'
export { type CancelTimer, type Clock, systemClock } from './seams/clock.ts'
export { type Disk, type DiskFile, type DiskStat, errorCode, systemDisk } from './seams/disk.ts'
export { type Endpoint, type Network, type OnRead, systemNetwork } from './seams/network.ts'
export { type Random, randomInt, sample, seededRandom, systemRandom } from './seams/random.ts'
