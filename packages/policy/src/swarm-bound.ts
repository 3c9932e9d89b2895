/** What the members of a swarm can move at most. Rates in bytes per second; lengths in bytes. */
export interface SwarmCapacity {
  readonly contentLength: number
  /** Peers that download, without seeds. */
  readonly peerCount: number
  /** Uplinks of all who hold the content from the start, together. */
  readonly seedUplink: number
  /** Uplinks of the downloading peers, together. */
  readonly peerUplink: number
  /** The slowest downlink among them; absent = no limit. */
  readonly minDownlink?: number
  /** What the origin gives when the content comes from there first; absent = the seeds held it. */
  readonly originRate?: number
}

/**
 * Seconds below which no policy can bring the last peer to its end: somebody who holds the content has to send it once, the
 * slowest downlink has to take it, and all uplinks together have to carry `peerCount` copies. In the fluid limit it is
 * attained (Kumar and Ross, HotWeb 2006; Mundinger, Weber and Weiss, J. Sched. 2008); an origin in front pipelines, so it
 * is one more term of the maximum. Pieces add the time in which the first of them double from one holder to all:
 * `pieceOverhead`. Infinity when nobody can send.
 */
export function swarmBound(capacity: SwarmCapacity): number {
  const { contentLength, peerCount, seedUplink, peerUplink, minDownlink, originRate } = capacity
  if (contentLength === 0 || peerCount === 0) return 0
  return Math.max(
    contentLength / seedUplink,
    minDownlink === undefined ? 0 : contentLength / minDownlink,
    (peerCount * contentLength) / (seedUplink + peerUplink),
    originRate === undefined ? 0 : contentLength / originRate,
  )
}

/** Factor on the bound for content in whole pieces that are forwarded only when complete, equal uplinks: 1 + floor(log2 n) / P. */
export function pieceOverhead(peerCount: number, pieceCount: number): number {
  if (peerCount < 1 || pieceCount < 1) return 1
  return 1 + Math.floor(Math.log2(peerCount)) / pieceCount
}
