/** How the daemons of one swarm exchange pieces. The scheduler sends it along with the parents. */
export interface ClientParams {
  /** Pieces in flight. */
  readonly concurrency: number
  /** What `concurrency` grows to while the downlink has room. */
  readonly maxConcurrency: number
  /** With a reader, rarest first only within so many pieces from its first hole. */
  readonly window: number
  /** A piece that nobody near fetches after so long may come from far, milliseconds. */
  readonly farGraceMs: number
  /** A piece that takes so many times the own median is asked of somebody else too. */
  readonly hedgeFactor: number
  /** A piece of which no byte came for so long is asked of somebody else, milliseconds. */
  readonly stallMs: number
  /** With nothing to ask anybody for since so long, other parents are asked for, milliseconds. */
  readonly starvedMs: number
  /** Mean uplink of the swarm's hosts, bytes/s; 0 = unknown. Upload slots are measured by it. */
  readonly meanUplink: number
}

export interface ClientTraits {
  /** 0 = unknown. */
  readonly pieceCount: number
  /** False: all neighbours count as near, so nothing is gained by waiting for one. */
  readonly hasPlaces: boolean
  /** Bytes/s; 0 = unknown. */
  readonly meanUplink: number
}

/** With fewer pieces than this, more than two in flight cost more at the end than they win before. */
const FEW_PIECES = 128

/** What the simulator found best; more in flight than slots to send from only make every piece slower, so nothing grows. */
export function defaultClientParams({
  pieceCount,
  hasPlaces,
  meanUplink,
}: ClientTraits): ClientParams {
  const concurrency = pieceCount > 0 && pieceCount < FEW_PIECES ? 2 : 4
  return {
    concurrency,
    maxConcurrency: concurrency,
    window: 64,
    farGraceMs: hasPlaces ? 500 : 0,
    hedgeFactor: 4,
    stallMs: 1500,
    starvedMs: 500,
    meanUplink,
  }
}
