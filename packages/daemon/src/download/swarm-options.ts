import type { Download } from '@damselfly/api/common'
import type { Clock, Log, PieceGeometry, PieceInterval, Random } from '@damselfly/core'
import type { SchedulerFollowing } from '../announce/scheduler-following.ts'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import type { MeshJob, MeshMembership } from '../mesh/mesh-job.ts'
import type { LiveTask } from './live-task.ts'
import type { ParentFetchDeps } from './parent-fetch.ts'
import type { PieceAuthority } from './piece-authority.ts'
import type { PeerIdentity } from './scheduler-session.ts'

export interface SwarmTarget {
  readonly live: LiveTask
  readonly geometry: PieceGeometry
  readonly wanted: PieceInterval
  /** What is registered, `actual_*` fields filled (trap T9). */
  readonly download: Download
  readonly identity: PeerIdentity
  readonly concurrency: number
}

export interface SwarmDeps
  extends Omit<ParentFetchDeps, 'onChange' | 'onPieceFailed' | 'authority'> {
  readonly authority: PieceAuthority
  /** Takes part in the exchange among our own daemons. */
  readonly joinMesh: (job: MeshJob) => MeshMembership
  /** The task's schedulers, best first. */
  readonly schedulers: readonly SchedulerLink[]
  /** How this host's downloads are reported to that scheduler. */
  readonly follow: (link: SchedulerLink) => SchedulerFollowing
  /** Bytes per second that this host can send; 0 when unknown. */
  readonly uplink: () => number
  /** Makes this host known to a scheduler that has forgotten it. */
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  /** Fetches what is missing and unclaimed from the origin. */
  readonly readSource: (options: {
    signal: AbortSignal
    /** Asked before each further request. */
    isWanted: () => boolean
  }) => Promise<void>
  readonly timing: SwarmTiming
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface SwarmTiming {
  /** Without any piece for this long, although parents live, other parents are asked for. */
  readonly starvedMs: number
  /** First pause between two such questions; doubles up to `maxRescheduleMs`. */
  readonly rescheduleMs: number
  readonly maxRescheduleMs: number
  /** How long a scheduler may leave this peer waiting. */
  readonly scheduleTimeoutMs: number
  /** How long a download that may not go to the origin waits for a scheduler to come back. */
  readonly lostTimeoutMs: number
  /** Quiet time, up to twice of it, before a lost download with living parents asks the origin. */
  readonly patienceMs: number
  /** When all schedulers are lost in mid-download: a random wait up to this long before the origin is asked. */
  readonly fallbackSpreadMs: number
  /** Pause between two attempts to reach a scheduler again. */
  readonly reconnectMs: number
}
