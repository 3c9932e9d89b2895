import type { Clock, FairSlots, Log, Random, RateLimiter, TaskId } from '@damselfly/core'
import type { ChannelPool } from '@damselfly/rpc'
import type { SourceRegistry } from '@damselfly/sources'
import type { Followings } from '../announce/followings.ts'
import type { HostIdentity } from '../announce/host-identity.ts'
import type { SchedulerLink, SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DataPlane } from '../data/data-plane.ts'
import type { Meshes } from '../mesh/meshes.ts'
import type { LiveTasks } from './live-tasks.ts'
import type { ParentSessionDeps } from './parent-session.ts'
import type { PeerBans } from './peer-bans.ts'
import type { SwarmTiming } from './swarm-options.ts'

/** What every download of this daemon shares. */
export interface DownloadContext {
  readonly host: HostIdentity
  readonly tasks: LiveTasks
  readonly followings: Pick<Followings, 'of'>
  /** Bytes per second that this host can send; 0 when unknown. */
  readonly uplink: () => number
  /** Our own daemons exchange pieces in these. */
  readonly meshes: Meshes
  readonly schedulers: SchedulerPool
  readonly sources: SourceRegistry
  readonly channels: ChannelPool
  readonly describe: ParentSessionDeps['describe']
  readonly forgetOffer: ParentSessionDeps['forgetOffer']
  readonly bans: PeerBans
  readonly pieceTimeoutMs: number
  readonly onUnattested: () => void
  readonly onCorrupt: () => void
  readonly data: Pick<DataPlane, 'receive' | 'readSource' | 'hasher' | 'copier'>
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  /** Removes the task here and this host's claim to it at its scheduler. */
  readonly forgetTask: (taskId: TaskId) => Promise<void>
  /** All transfers of this host take turns. */
  readonly slots: FairSlots
  readonly downloadLimiter: RateLimiter
  readonly sourceLimiter: RateLimiter
  readonly settings: { readonly concurrentPieces: number; readonly timing: SwarmTiming }
  /** Aborts when the daemon stops. */
  readonly stopping: AbortSignal
  /** The smallest that a request may name, bytes. */
  readonly minPieceLength: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}
