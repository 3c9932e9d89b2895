import type { PeerId } from '@damselfly/core'
import type { Exchange } from '@damselfly/daemon/swarm'

/** A daemon of ours with the one task of the simulation. */
export interface SwarmPeer {
  /** Its number in the world. */
  readonly host: number
  readonly peerId: PeerId
  readonly isSeed: boolean
  /** What it holds and whom it exchanges it with; `undefined` before it has anything to do with the task. */
  exchange: Exchange | undefined
  /** By the exchange's number for the neighbour. */
  readonly links: (Link | undefined)[]
  /** Neighbours by their host. */
  readonly linkTo: Map<number, Link>
  isAlive: boolean
  /** A host that crashed and comes back keeps what it held, but nobody reaches it meanwhile. */
  isDown: boolean
  /** On the other side of a partition. */
  isCut: boolean
  /** Its download is registered at the scheduler and not over. */
  isRegistered: boolean
  /** It told the scheduler that the download has begun. */
  hasStarted: boolean
  /** Pieces that the scheduler has not heard of. */
  news: number[]
  /** Parents that failed since the last report. */
  failed: PeerId[]
  /** Reading from the origin: how many reads are under way. */
  isAtOrigin: boolean
  originReads: number
  /** Trigger that called this seed. */
  triggerId: number | undefined
  /** Bytes sent, for the estimate of the own uplink. */
  sent: number
}

/** One end of a connection: how its owner sees the neighbour. */
export interface Link {
  readonly owner: SwarmPeer
  readonly slot: number
  readonly distance: number
  twin: Link
  isOpen: boolean
  /** The piece that comes through it to the owner: a number of a transfer, -1 for none. */
  incoming: number
}

/** A piece on its way, or asked for. */
export interface Transfer {
  /** The receiver's end; absent = from the origin. */
  readonly link: Link | undefined
  readonly to: SwarmPeer
  readonly piece: number
  /** -1 before the first byte. */
  flow: number
  /** The receiver does not want it any more, or one of the two is gone. */
  isOver: boolean
  /** Who refers to it by number: the receiver's link, the flow, events. */
  uses: number
}
