import type { HostId, PeerId, TaskId } from '@damselfly/core'
import type {
  DownloadFacts,
  HostFacts,
  PieceDigest,
  ResolveFailure,
  TaskFacts,
  TrafficType,
} from './facts.ts'

/** Everything that can happen to the scheduler. Plain data: a log of events replays a scheduler. */
export type SchedulerEvent =
  | HostEvent
  | PeerEvent
  | TaskEvent
  | ResolveEvent
  | DigestsEvent
  | { type: 'tick' }

export type HostEvent =
  | { type: 'hostAnnounced'; host: HostFacts }
  | { type: 'hostDeleted'; hostId: HostId }

/** Numbers are the fields of scheduler.v2.AnnouncePeerRequest (interop.md 2.5). */
export type PeerEvent =
  /** 4. The stream that carries it replaces an older one of the same peer; the driver ends that one. */
  | {
      type: 'peerRegistered'
      hostId: HostId
      taskId: TaskId
      peerId: PeerId
      download: DownloadFacts
    }
  /** 5 */
  | { type: 'peerStarted'; peerId: PeerId }
  /** 6 */
  | { type: 'backToSourceStarted'; peerId: PeerId }
  /** 7 */
  | { type: 'rescheduled'; peerId: PeerId; parentIds: readonly PeerId[] }
  /** 8 */
  | { type: 'peerFinished'; peerId: PeerId }
  /** 9 */
  | { type: 'backToSourceFinished'; peerId: PeerId }
  /** 10 */
  | { type: 'peerFailed'; peerId: PeerId }
  /** 11 */
  | { type: 'backToSourceFailed'; peerId: PeerId }
  /** 12 and 13 (`source`). */
  | PieceFinished
  /** 14. `temporary` is what Rust peers always say; only three such failures block the parent. */
  | {
      type: 'pieceFailed'
      peerId: PeerId
      number: number | undefined
      parentId: PeerId | undefined
      temporary: boolean
    }
  /** 15. `statusCode` is the origin's, absent when it gave none. */
  | { type: 'pieceSourceFailed'; peerId: PeerId; statusCode: number | undefined }
  /** The peer's current stream is gone, with or without a terminal message before. */
  | { type: 'streamClosed'; peerId: PeerId }
  | { type: 'peerDeleted'; peerId: PeerId }

export interface PieceFinished {
  type: 'pieceFinished'
  peerId: PeerId
  number: number
  offset: number
  length: number
  digest: string
  trafficType: TrafficType
  parentId: PeerId | undefined
  /** From the origin. */
  source: boolean
}

export type TaskEvent =
  | { type: 'taskDeleted'; hostId: HostId; taskId: TaskId }
  /** The DownloadTask call to a seed is over; `error` when it did not end well. */
  | { type: 'seedTriggerEnded'; triggerId: number; error?: SeedTriggerError }

export interface SeedTriggerError {
  readonly message: string
  /** The seed did not answer at all: it is not asked again for a while. */
  readonly isUnreachable: boolean
  /** The origin's status, when the seed named it. */
  readonly statusCode: number | undefined
}

/** `callId` names one ResolveTask stream. */
export type ResolveEvent =
  /** `stale`: the caller was told these, and the origin contradicts them. */
  | { type: 'resolveAsked'; callId: number; taskId: TaskId; stale?: TaskFacts }
  | { type: 'resolveFound'; callId: number; facts: TaskFacts }
  | { type: 'resolveFailed'; callId: number; failure: ResolveFailure }
  | { type: 'resolveClosed'; callId: number }

/** `callId` names one PieceDigests stream. */
export type DigestsEvent =
  | { type: 'digestsWatched'; callId: number; taskId: TaskId; hostId: HostId }
  /** `fromOrigin`: the host took these pieces from the origin itself; else it only holds them. */
  | {
      type: 'digestsRecorded'
      callId: number
      pieces: readonly PieceDigest[]
      fromOrigin: boolean
    }
  | { type: 'digestsClosed'; callId: number }
