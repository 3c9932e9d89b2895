/** Where the bytes of a swarm came from. */
export interface BytesByClass {
  readonly origin: number
  readonly seed: number
  /** Peers of the same rack, or of a place that is not known. */
  readonly near: number
  readonly far: number
}

/** What is remembered of a swarm when its downloads have ended: a line of the journal. */
export interface SwarmRecord {
  readonly arm: string
  readonly taskId: string
  /** Milliseconds since the Unix epoch. */
  readonly bornAt: number
  readonly endedAt: number
  /** Downloads of the whole content that were begun, without those of seeds. */
  readonly peers: number
  readonly failedPeers: number
  readonly contentLength: number
  readonly pieceCount: number
  /** Somebody held the whole content when the first peer came. */
  readonly isWarm: boolean
  /** Data centre of the peers; empty when it is not known, `*` when there are several. */
  readonly idc: string
  /** What no policy can beat; see `swarmBound`. */
  readonly boundSeconds: number
  /** From a peer's registration to its end, over those that succeeded. */
  readonly meanSeconds: number
  readonly p99Seconds: number
  /** Absent when nobody reported. */
  readonly bytes?: BytesByClass
  /** Bytes between data centres; absent when not known. */
  readonly crossIdcBytes?: number
  /** What choosing parents took; 99 % of the choices were quicker. */
  readonly decisionP99Us?: number
  /** Processor time of the clients, together. */
  readonly clientCpuSeconds?: number
}

/** Mean completion over the bound, as a logarithm: what an experiment wants to be small. */
export const slowness = (record: SwarmRecord): number =>
  Math.log(record.meanSeconds / record.boundSeconds)

/** Counts for the comparison: large enough, and there is something to compare. */
export function isEligible(record: SwarmRecord, minPeers: number): boolean {
  return (
    record.peers >= minPeers &&
    record.failedPeers < record.peers &&
    record.contentLength > 0 &&
    Number.isFinite(slowness(record))
  )
}

/**
 * Swarms that are alike: about the same number of peers and length, both warm or cold, in the same place. Only what is
 * given before a policy has had any say.
 */
export function stratumOf({ peers, contentLength, isWarm, idc }: SwarmRecord): string {
  const size = Math.floor(Math.log2(peers))
  const length = Math.floor(Math.log2(contentLength) / 2)
  return `${size} ${length} ${isWarm ? 'warm' : 'cold'} ${idc}`
}
