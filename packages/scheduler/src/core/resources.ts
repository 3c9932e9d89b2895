import type { HostId, PieceGeometry, PieceInterval, TaskId, Validators } from '@damselfly/core'
import type { SlotList } from './columns/slot-list.ts'
import type { DownloadFacts } from './facts.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'
import type { SwarmArm } from './swarm-arm.ts'

export type { Host } from './host.ts'
export type { Peer } from './peer.ts'

/** One piece of content and its swarm. Lists of peers are slots of the peer table. */
export interface Task {
  readonly id: TaskId
  /** In the peer table. */
  readonly number: number
  /** The newest registration: url, header and so on are refreshed by it. */
  facts: DownloadFacts
  geometry: PieceGeometry | undefined
  /** Of the version that its peers have, if any of them knows. */
  validators: Validators | undefined
  /** What is done differently in this swarm, as long as it lives. */
  readonly arm: SwarmArm | undefined
  /** Some peer has or had another geometry or version than the others: each has to be compared. */
  isMixed: boolean
  /** Some peer wants or wanted only a part. */
  hasRanges: boolean
  readonly members: SlotList
  /** Those that can give something now, and those that will soon; see `refreshUsable`. */
  readonly holders: SlotList
  readonly expecting: SlotList
  /** Both, by the rack that they are in; only of a large swarm. */
  racks: Map<number, SlotList> | undefined
  /** Members on seed hosts. */
  readonly seedPeers: Set<Peer>
  /** Those that asked for parents, and since when they wait. */
  readonly waiting: Map<Peer, number>
  readonly leases: Set<Lease>
  /** Peers that finished without a range. */
  wholeCopies: number
  /** The last one of them; it may have left. */
  wholeCopy: Peer | undefined
  /** What daemons of ours reported, bytes by where they came from. */
  readonly bytes: TrafficBytes
  /** Declared uplinks of the hosts of its peers, bits per second: sum, and of how many peers. */
  readonly uplinks: { sum: number; known: number }
  /** Seeds that failed with this task, and until when they are passed over. */
  readonly seedFailures: Map<HostId, number>
  refusals: SourceRefusal[]
  /** Who was sent there, the last ones first to last. */
  originOrders: readonly OriginOrder[]
  /** What whoever took a piece from the origin said about it. */
  readonly pieces: Map<number, PieceFacts>
  readonly createdAt: number
  updatedAt: number
}

/**
 * The right to go to the origin for the pieces of an interval. While it lives, others wait for its holder instead
 * of going there too. A seed's lease begins with the call to the seed and gets its peer when the seed registers.
 */
export interface Lease {
  readonly id: number
  readonly task: Task
  readonly host: Host
  readonly isSeed: boolean
  /** The host does not share: the lease helps nobody else, so it neither covers nor counts. */
  readonly isPrivate: boolean
  interval: PieceInterval
  readonly geometry: PieceGeometry | undefined
  readonly triggerId: number | undefined
  peer: Peer | undefined
  /** Unless `isStarted`, the lease ends at this time. */
  startBy: number
  isStarted: boolean
}

/** Somebody was told to go to the origin. */
export interface OriginOrder {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly hostId: HostId
  readonly isSeed: boolean
  readonly reason: string
  /** Pieces that nobody had, as an interval. */
  readonly interval: PieceInterval
}

export interface TrafficBytes {
  origin: number
  seed: number
  near: number
  far: number
}

export interface SourceRefusal {
  readonly at: number
  readonly statusCode: number
}

export interface PieceFacts {
  readonly offset: number
  readonly length: number
  readonly digest: string
}
