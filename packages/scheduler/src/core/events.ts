import type { HostId, PeerId, TaskId, Validators } from '@damselfly/core'
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
  /** Nothing has happened, but some who wait have not been looked at; see `answersPerEvent`. */
  | { type: 'continued' }

export type HostEvent =
  | { type: 'hostAnnounced'; host: HostFacts }
  | { type: 'hostDeleted'; hostId: HostId }
  | InventoryAnnounced

/**
 * What a daemon of ours holds, told when it meets a scheduler that does not know: one that was restarted, or that is
 * responsible from now on. Adds to what is known; a task that goes is told by `taskDeleted`.
 */
export interface InventoryAnnounced {
  type: 'inventoryAnnounced'
  hostId: HostId
  tasks: readonly HeldTask[]
}

export interface HeldTask {
  readonly taskId: TaskId
  /** A finished download, or one that runs. */
  readonly peerId: PeerId
  readonly contentLength: number
  readonly pieceLength: number
  /** What the origin said of the version that is held. */
  readonly validators: Validators
  /** Pieces as `Bitset.toBytes` gives them. */
  readonly have: Uint8Array | 'all'
}

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
  | PeerReported
  | ParentsAsked
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

/** damselfly.v1: all that a daemon of ours has to tell about a download since it last reported. */
export interface PeerReported {
  type: 'peerReported'
  peerId: PeerId
  /** Newly held. */
  pieces: Uint32Array | readonly number[]
  /** Of the download; 0 = idle. */
  rateBytesPerSec: number
  /** Received since the last report, by where it came from. */
  bytes: {
    readonly origin: number
    readonly seed: number
    readonly near: number
    readonly far: number
  }
  /** What the uplink of the host moved at best of late, over all tasks; absent or 0 = unknown. */
  uplinkBytesPerSec?: number
  /** Parents that gave wrong bytes or broke off. */
  failedParents: readonly PeerId[]
  /** Parents that it passes over as too slow. */
  slowParents: readonly PeerId[]
}

/** damselfly.v1: some neighbours are of no use, or there are too few. Answered at once when anybody is there. */
export interface ParentsAsked {
  type: 'parentsAsked'
  peerId: PeerId
  /** Links that the peer has closed. */
  dropped: readonly PeerId[]
  /** Only `lost` speaks against the dropped ones. */
  reason: 'starved' | 'slow' | 'lost'
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
