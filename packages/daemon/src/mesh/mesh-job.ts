import type { ClientParams as WireParams } from '@damselfly/api/swarm'
import type { Clock, DfError, Log, PieceInterval, Random } from '@damselfly/core'
import type { HostIdentity } from '../announce/host-identity.ts'
import type { PeerIds } from '../announce/peer-ids.ts'
import type { ParentAddress, ParentSessionDeps } from '../download/parent-session.ts'
import type { PeerBans } from '../download/peer-bans.ts'
import type { ReceivedReport } from '../download/peer-reporter.ts'
import type { TakePieceDeps } from '../download/take-piece.ts'
import type { RefreshReason } from '../swarm/index.ts'
import type { MeshMetrics } from './mesh-metrics.ts'
import type { Place } from './place.ts'

/** A download that takes part in the mesh of its task. */
export interface MeshJob {
  readonly wanted: PieceInterval
  readonly peerId: string
  /** How its pieces are fetched. */
  readonly take: TakePieceDeps
  readonly onCorrupt: () => void
  /** A piece could not be had from this peer. */
  readonly onPieceFailed: (piece: number, peerId: string, error: DfError) => void
  /** An error of our own disk or the like; the download cannot go on. */
  readonly onFailure: (error: DfError) => void
  /** A host that was named is of no use. */
  readonly onLost: (address: ParentAddress) => void
  /** A host that was named does not know how to exchange pieces; it may be asked as Dragonfly's are. */
  readonly onForeign: (address: ParentAddress) => void
  /** Others would help. */
  readonly onRefresh: (reason: RefreshReason) => void
  /** Something that was under way is not any more. */
  readonly onChange: () => void
}

export interface MeshMembership {
  /** Links to hosts that the scheduler has named. */
  meet(addresses: readonly ParentAddress[]): void
  /** Pieces that are being fetched for the job. */
  inFlight(): number
  /** As the scheduler wants it. */
  setParams(params: WireParams): void
  /** What came since the last call. */
  takeReport(): ReceivedReport
  /** Some neighbour may still give something. */
  isHopeful(): boolean
  /** Resolves when nothing is under way for the job any more. */
  leave(): Promise<void>
}

/** What every mesh of this host works with. */
export interface MeshDeps extends Pick<ParentSessionDeps, 'channels' | 'describe' | 'forgetOffer'> {
  readonly host: HostIdentity
  readonly place: Place
  /** Where this host's own services are. */
  readonly control: () => { readonly ip: string; readonly port: number }
  readonly piecePort: () => number
  /** Others may fetch pieces from this host. */
  readonly isSharing: boolean
  /** As the schedulers know this host's downloads. */
  readonly peerIds: PeerIds
  /** Bytes per second that this host can send and receive; 0 when unknown. */
  readonly bandwidth: () => { readonly uplink: number; readonly downlink: number }
  readonly bans: PeerBans
  readonly metrics: MeshMetrics
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}
