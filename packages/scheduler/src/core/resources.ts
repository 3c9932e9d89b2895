import type { HostId, PeerId, PieceGeometry, PieceInterval, TaskId } from '@damselfly/core'
import type { DownloadFacts, HostFacts } from './facts.ts'
import type { PeerState } from './peer-state.ts'
import type { PieceSet } from './piece-set.ts'

/** A daemon that announced itself. */
export interface Host {
  facts: HostFacts
  announcedAt: number
  readonly peers: Set<Peer>
  /** Children of all its peers. */
  outDegree: number
  /** Moving average of failed pieces, 0 to 1. */
  failures: number
  /** As a seed it is not asked before this time. */
  seedFailedUntil: number
}

/** A task on a host. */
export interface Peer {
  readonly id: PeerId
  readonly host: Host
  readonly task: Task
  facts: DownloadFacts
  /** `undefined` while the peer does not know the length: then the content counts as one piece. */
  geometry: PieceGeometry | undefined
  wanted: PieceInterval
  state: PeerState
  isStreamOpen: boolean
  /** It asked for parents and has not been answered. */
  isWaiting: boolean
  have: PieceSet
  parents: Peer[]
  readonly children: Set<Peer>
  /** Hosts that this peer does not want as parents, and until when. */
  readonly blocked: Map<HostId, number>
  /** Temporary failures per host since it was last blocked. */
  readonly pieceFailures: Map<HostId, number>
  /** Answers given on the current stream. */
  answers: number
  lease: Lease | undefined
  /** The origin's last status in a failure report. */
  sourceStatus: number | undefined
  /** Its place in `task.usable`; -1 = not there. */
  usableIndex: number
  readonly createdAt: number
  updatedAt: number
  /** When it last moved: a message about its state or a piece. */
  progressAt: number
}

/** One piece of content and its swarm. */
export interface Task {
  readonly id: TaskId
  /** The newest registration: url, header and so on are refreshed by it. */
  facts: DownloadFacts
  geometry: PieceGeometry | undefined
  readonly peers: Set<Peer>
  readonly byHost: Map<Host, Set<Peer>>
  readonly seedPeers: Set<Peer>
  /** Peers that can give something now or soon, dense for sampling. */
  readonly usable: Peer[]
  readonly waiting: Set<Peer>
  readonly leases: Set<Lease>
  /** Peers that finished without a range. */
  wholeCopies: number
  /** Seeds that failed with this task, and until when they are passed over. */
  readonly seedFailures: Map<HostId, number>
  refusals: SourceRefusal[]
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

export interface SourceRefusal {
  readonly at: number
  readonly statusCode: number
}

export interface PieceFacts {
  readonly offset: number
  readonly length: number
  readonly digest: string
}
