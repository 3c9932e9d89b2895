import type { Download } from '@damselfly/api/common'
import type { ByteRange, DfError, HostId, PeerId, TaskId } from '@damselfly/core'
import type { ClientParams } from '@damselfly/policy'
import type { ResolveFailure, TaskFacts } from './facts.ts'

/** What the driver has to do after an event, in this order. */
export type SchedulerEffect = PeerEffect | SeedEffect | ResolveEffect | DigestsEffect

/** Answers on a peer's stream; never sent for a peer whose stream is not open. */
export type PeerEffect =
  /** `parents`: never empty, best first; all that the peer has from now on. `client`: for daemons of ours. */
  | { type: 'normal'; peerId: PeerId; parents: readonly PeerId[]; client: ClientParams }
  | { type: 'needBackToSource'; peerId: PeerId; reason: string }
  | { type: 'empty'; peerId: PeerId }
  | { type: 'metadataOnly'; peerId: PeerId }
  /** The call ends, well without `error`. The last effect of that stream. */
  | { type: 'endStream'; peerId: PeerId; error?: DfError }

export type SeedEffect =
  | {
      type: 'triggerSeed'
      triggerId: number
      hostId: HostId
      taskId: TaskId
      /** The bytes to fetch; absent = all. */
      range: ByteRange | undefined
      /** As the waiting peer asked for it. */
      download: Download | undefined
    }
  /** Nobody waits for this trigger any more: it missed its start, its seed is gone, or the content has changed. */
  | { type: 'cancelSeedTrigger'; triggerId: number }

export type ResolveEffect =
  | { type: 'resolveKnown'; callId: number; facts: TaskFacts }
  | { type: 'resolveElected'; callId: number }
  | { type: 'resolveFailed'; callId: number; failure: ResolveFailure }

/** None of these is a decision: they pass on what has been recorded. */
export type DigestsEffect =
  /** There is something to read for these streams; see `SchedulerCore.digestsFrom`. */
  | {
      type: 'digestsLearned'
      taskId: TaskId
      callIds: readonly number[]
      /** Some of it takes the place of what was told before. */
      isCorrection: boolean
    }
  /** What this host said of these pieces is not what stands. */
  | {
      type: 'digestsContradicted'
      taskId: TaskId
      hostId: HostId
      /** The stream to answer on; one of Dragonfly's peers has none. */
      callId: number | undefined
      numbers: readonly number[]
      fromOrigin: boolean
      /** The host has not contradicted this task before. */
      isFirst: boolean
    }
  /** The stream ends. The last effect of it. */
  | { type: 'digestsEnded'; callId: number; error: DfError }
