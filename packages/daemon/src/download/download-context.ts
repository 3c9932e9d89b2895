import type { Clock, Log, Random, RateLimiter, TaskId } from '@damselfly/core'
import type { ChannelPool } from '@damselfly/rpc'
import type { SourceRegistry } from '@damselfly/sources'
import type { HostIdentity } from '../announce/host-identity.ts'
import type { SchedulerLink, SchedulerPool } from '../announce/scheduler-pool.ts'
import type { LiveTasks } from './live-tasks.ts'
import type { FetchPiece } from './parent-fetch.ts'
import type { SwarmTiming } from './swarm-download.ts'

/** What every download of this daemon shares. */
export interface DownloadContext {
  readonly host: HostIdentity
  readonly tasks: LiveTasks
  readonly schedulers: SchedulerPool
  readonly sources: SourceRegistry
  readonly channels: ChannelPool
  readonly fetchPiece: FetchPiece
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  /** Removes the task here and this host's claim to it at its scheduler. */
  readonly forgetTask: (taskId: TaskId) => Promise<void>
  readonly downloadLimiter: RateLimiter
  readonly sourceLimiter: RateLimiter
  readonly settings: { readonly concurrentPieces: number; readonly timing: SwarmTiming }
  /** Aborts when the daemon stops. */
  readonly stopping: AbortSignal
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}
