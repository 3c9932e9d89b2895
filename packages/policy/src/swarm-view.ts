/**
 * One swarm as a policy may see it: read-only columns, nothing is copied for a decision. A peer and a host are slots,
 * row numbers in the columns of the whole scheduler, so a column is as long as there are slots and mostly about other
 * swarms. Slots are used again: keep none longer than a decision.
 *
 * Bandwidths are bytes per second everywhere.
 */
export interface SwarmView {
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  readonly task: TaskTraits
  /** Everybody in the swarm who has not left, also those who have nothing. */
  readonly members: PeerList
  /** Members that hold at least one piece and may be named: the universe to sample from. */
  readonly holders: PeerList
  /** Members that hold nothing yet but will soon: they have parents, or fetch from the origin. */
  readonly expecting: PeerList
  /** Members on seed hosts that hold something or will soon; also part of `holders` or `expecting`. */
  readonly seeds: PeerList
  /** The holders and the expecting ones of that rack; nobody for rack 0, which is the unknown one. */
  rackMembers(rack: number): PeerList
  readonly peer: PeerColumns
  readonly host: HostColumns
  /** How many pieces `parent` holds that `child` lacks. */
  usefulPieces(parent: number, child: number): number
  /**
   * Writes to the same places of `out` what each of these peers has for `child`, as values of `offer`: what most policies
   * need to know, and cheaper than to count.
   */
  rateOffers(peers: Places, child: number, out: Uint8Array): void
  /**
   * False for what must never happen: the same host, a host that left, blocked or not sharing, another tenant. The
   * scheduler looks again at whatever a policy answers.
   */
  mayServe(parent: number, child: number): boolean
  /** Writes to the same places of `out` 1 for each of these peers that may serve `child`, else 0. */
  markServing(peers: Places, child: number, out: Uint8Array): void
  /** What Dragonfly's own rule wants to know; absent = that policy derives it from the rest. */
  readonly books?: DragonflyBooks
}

/** Values that `rateOffers` gives: it holds no piece, only pieces that the child has, or a piece that the child lacks. */
export const offer = { nothing: 0, useless: 1, useful: 2 } as const

/** The peers in the places of `ids` from `from` up to, not including, `end`. */
export interface Places {
  readonly ids: Int32Array
  readonly from: number
  readonly end: number
}

/** Peers by slot, dense and in no order: only the first `size` entries of `ids` count. */
export interface PeerList {
  readonly ids: Uint32Array
  readonly size: number
}

export interface TaskTraits {
  /** 0 while the length is unknown. */
  readonly pieceCount: number
  /** Bytes; 0 while unknown. */
  readonly pieceLength: number
  /** Bytes; 0 while unknown. */
  readonly contentLength: number
  readonly ageMs: number
  /** 0 (lowest) to 6, as on the wire. */
  readonly priority: number
  /** Mean uplink of the members' hosts that are known, bytes/s; 0 when none is. */
  readonly meanUplink: number
}

/** Indexed by peer slot. */
export interface PeerColumns {
  readonly host: Uint32Array
  /** Pieces held. */
  readonly have: Uint32Array
  /** Children of this peer, and parents. */
  readonly outDegree: Uint16Array
  readonly inDegree: Uint8Array
  /** A value of `peerPhase`. */
  readonly phase: Uint8Array
}

/** Values of the column `phase`. */
export const peerPhase = {
  /** Registered, without parents so far. */
  waiting: 0,
  running: 1,
  atSource: 2,
  finished: 3,
  /** Failed or left. */
  gone: 4,
} as const

/** Indexed by host slot. */
export interface HostColumns {
  /** Numbers of the announced places; 0 = unknown. Equal numbers are the same place. */
  readonly rack: Uint16Array
  readonly idc: Uint8Array
  readonly region: Uint8Array
  /** Uplink as declared, bytes/s; 0 = not declared. */
  readonly upCapacity: Float32Array
  /** Uplink as measured, a moving average of bytes/s, and how many observations made it. */
  readonly upEstimate: Float32Array
  readonly upSamples: Uint16Array
  /** Pieces that it sends at a time, and those that it sends now. */
  readonly slots: Uint8Array
  readonly activeUploads: Uint16Array
  /** Children over all tasks. */
  readonly outDegree: Uint16Array
  /** Moving averages, 0 (never) to 1 (always), of pieces that failed and of children that found it slow. */
  readonly failures: Float32Array
  readonly slowness: Float32Array
  /** 1 = a seed. */
  readonly isSeed: Uint8Array
}

/** The book-keeping of Dragonfly's scheduler, which its rule judges parents by. */
export interface DragonflyBooks {
  /** Per host, over its children: sum of piece length x pieces at a time, bits. */
  readonly uploadRate: Float64Array
  /** Per host, over its children: sum of the whole lengths of their tasks, bytes. */
  readonly uploadContent: Float64Array
  /** Per host, over its children: sum of pieces at a time. */
  readonly uploadPieces: Uint32Array
  /** Per peer: how many pieces it has downloaded and how long the last one took, milliseconds. */
  readonly costCount: Uint32Array
  readonly costLast: Float32Array
  /** Per peer: mean and standard deviation of all those but the last, milliseconds. */
  readonly costMean: Float32Array
  readonly costDeviation: Float32Array
  /** How many leading elements of the two hosts' locations agree, 0 to 5; 5 = equal. */
  commonLocation(hostA: number, hostB: number): number
  /** True when pieces of `ancestor` reach `peer` already, so that the opposite edge would close a cycle. */
  isAncestor(ancestor: number, peer: number): boolean
}
