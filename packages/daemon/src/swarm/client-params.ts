/** How a client behaves in one swarm; the scheduler may send others than these defaults. */
export interface ClientParams {
  /** Pieces in flight at a time, to begin with. */
  readonly concurrency: number
  /** It grows to so many while the downlink is not full. */
  readonly maxConcurrency: number
  /** With a reader: pieces from its first hole within which the rarest is taken first. */
  readonly window: number
  /** After so long without anything, what somebody near has or fetches may come from far as well. */
  readonly farGraceMs: number
  /** A piece that takes so many times the usual is asked of somebody else, too. */
  readonly hedgeFactor: number
  /** Without any byte of a piece for so long it is asked of somebody else. */
  readonly stallMs: number
  /** With nothing in flight for so long more neighbours are asked for. */
  readonly starvedMs: number
  /** Bytes per second, mean of the swarm's members; 0 when unknown. */
  readonly meanUplink: number
}

/** Of few pieces more in flight only delay the first whole copies (makespan/bound ~ 1.03 + 1.4 W log2(n) / P). */
const fewPieces = 128

export function defaultClientParams(pieceCount: number): ClientParams {
  const concurrency = pieceCount < fewPieces ? 2 : 4
  return {
    concurrency,
    maxConcurrency: concurrency,
    window: 64,
    farGraceMs: 500,
    hedgeFactor: 4,
    stallMs: 1_500,
    starvedMs: 500,
    meanUplink: 0,
  }
}
