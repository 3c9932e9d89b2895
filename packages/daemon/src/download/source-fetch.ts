import {
  type Clock,
  DfError,
  isAbort,
  type Log,
  type PieceGeometry,
  type PieceInterval,
  pieceSpan,
  sleep,
} from '@damselfly/core'
import type { SourceRequest, SourceStat } from '@damselfly/sources'
import type { PieceRecord } from '@damselfly/storage'
import type { BodyDesk, CutPiece, DataPlane } from '../data/data-plane.ts'
import type { LiveTask } from './live-task.ts'
import type { RecordOutcome } from './piece-authority.ts'

/**
 * Fetches missing pieces from the origin. Runs of neighbouring pieces are read with one request each, several at a time
 * when the origin is known to serve ranges. An origin that ignores ranges is read once from its first byte, and what is
 * already here is let pass. Pieces that somebody else is fetching are left to them.
 */
export interface SourceFetch {
  readonly live: LiveTask
  readonly geometry: PieceGeometry
  readonly wanted: PieceInterval
  readonly request: SourceRequest
  /** What the origin said when it was asked first; an answer that contradicts it fails the fetch. */
  readonly expect: SourceStat
  /** Requests at a time. */
  readonly concurrency: number
  readonly signal: AbortSignal
  /** Asked before each further request; false ends the fetch when those under way are done. */
  readonly isWanted: () => boolean
}

export interface SourceFetchDeps {
  readonly data: Pick<DataPlane, 'readSource'>
  /** Makes the digests of a piece known to the swarm; nobody is told of the piece before. A contradicted one is dropped. */
  readonly attest: (record: PieceRecord) => Promise<RecordOutcome>
  readonly clock: Clock
  readonly log: Log
  /** Waits for this download's turn among all of this host; the returned function ends it. */
  readonly turn: (signal: AbortSignal) => Promise<() => void>
  readonly limiter: { take(bytes: number, signal: AbortSignal): Promise<void> }
}

/** Pieces in one request at most: enough to make the request's cost vanish, few enough to share the work. */
const maxRunPieces = 16
/** Failed requests in a row, with no piece gained in between, before the origin is given up. */
const maxFruitlessAttempts = 3
const firstRetryDelayMs = 300

/** Resolves when no wanted piece is missing that nobody fetches. Errors are those of `Source.read`. */
export async function fetchFromSource(fetch: SourceFetch, deps: SourceFetchDeps): Promise<void> {
  const ranged = fetch.expect.header['accept-ranges'] === 'bytes'
  const state: FetchState = { inOrder: false, fruitless: 0 }
  const lanes = ranged ? fetch.concurrency : 1
  const runPieces = Math.min(maxRunPieces, Math.ceil(missing(fetch).length / lanes))
  const lane = async (): Promise<void> => {
    while (fetch.isWanted()) {
      const run = nextRun(fetch, ranged ? runPieces : Number.POSITIVE_INFINITY)
      if (run === undefined) return
      const again = await fetchRun(run, fetch, state, deps)
      if (!again) return
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

interface FetchState {
  /** The origin ignores ranges and one lane reads it from the start; the others have nothing to do. */
  inOrder: boolean
  fruitless: number
}

function missing({ live, wanted }: SourceFetch): number[] {
  const pieces: number[] = []
  for (let n = wanted.first; n < wanted.end; n++) {
    if (!live.has(n) && !live.isClaimed(n)) pieces.push(n)
  }
  return pieces
}

/** Claims the first run of neighbouring missing pieces. */
function nextRun({ live, wanted }: SourceFetch, maxPieces: number): PieceInterval | undefined {
  let first = wanted.first
  while (first < wanted.end && !live.claim(first)) first += 1
  if (first === wanted.end) return undefined
  let end = first + 1
  while (end < wanted.end && end - first < maxPieces && live.claim(end)) end += 1
  return { first, end }
}

/** Reads one run; true when the lane should go on with another. */
async function fetchRun(
  run: PieceInterval,
  fetch: SourceFetch,
  state: FetchState,
  deps: SourceFetchDeps,
): Promise<boolean> {
  const desk = new RunDesk(run, fetch, state, deps)
  const { request, live, geometry, signal } = fetch
  let done = (): void => {}
  try {
    done = await deps.turn(signal)
    const options = readOptions(run, fetch)
    await deps.data.readSource({ request, options, stored: live.stored, geometry }, desk, signal)
    state.fruitless = 0
    return !desk.isSuperfluous
  } catch (error) {
    if (desk.gained > 0) state.fruitless = 0
    await afterFailure(error, fetch, state, deps)
    return true
  } finally {
    done()
    desk.release()
  }
}

/** Waits before the next try, or throws `error` when there should be none. */
async function afterFailure(
  error: unknown,
  fetch: SourceFetch,
  state: FetchState,
  deps: SourceFetchDeps,
): Promise<void> {
  if (fetch.signal.aborted || isAbort(error)) throw error
  const failure = DfError.from(error)
  state.fruitless += 1
  if (!failure.retryable) throw failure
  if (failure.code === 'SourceChanged' || state.fruitless >= maxFruitlessAttempts) throw failure
  deps.log.debug(
    { err: failure, attempt: state.fruitless },
    'reading from the origin failed, trying again',
  )
  await sleep(deps.clock, firstRetryDelayMs * 2 ** (state.fruitless - 1), fetch.signal)
}

function readOptions(run: PieceInterval, { geometry, expect }: SourceFetch) {
  const start = pieceSpan(geometry, run.first).offset
  const last = pieceSpan(geometry, run.end - 1)
  const length = last.offset + last.length - start
  if (length === geometry.contentLength) return { expect }
  return { range: { start, length }, expect }
}

/** Keeps the pieces of a run that are ours to fetch, and what else of the body is of use. */
class RunDesk implements BodyDesk {
  readonly #run: PieceInterval
  readonly #fetch: SourceFetch
  readonly #state: FetchState
  readonly #deps: SourceFetchDeps
  /** Claimed, and the body has not come to them. */
  readonly #ahead = new Set<number>()
  /** Claimed, and not in the store yet. */
  readonly #claimed = new Set<number>()
  /** Another lane reads this body already. */
  isSuperfluous = false
  gained = 0

  constructor(run: PieceInterval, fetch: SourceFetch, state: FetchState, deps: SourceFetchDeps) {
    this.#run = run
    this.#fetch = fetch
    this.#state = state
    this.#deps = deps
    for (let piece = run.first; piece < run.end; piece++) this.#take(piece)
  }

  begins(start: number): boolean {
    if (start === pieceSpan(this.#fetch.geometry, this.#run.first).offset) return true
    this.isSuperfluous = this.#state.inOrder
    this.#state.inOrder = true
    return !this.isSuperfluous
  }

  async next(piece: number): Promise<'keep' | 'skip' | 'end'> {
    if (this.#ahead.size === 0) return 'end'
    const { geometry, signal, live, wanted } = this.#fetch
    await this.#deps.limiter.take(pieceSpan(geometry, piece).length, signal)
    if (this.#ahead.delete(piece)) return 'keep'
    if (piece < wanted.first || piece >= wanted.end || !live.claim(piece)) return 'skip'
    this.#claimed.add(piece)
    return 'keep'
  }

  async arrived({ number, costMs, commit }: CutPiece): Promise<void> {
    const record = await commit({ parentId: '', trafficType: 'back-to-source', costMs })
    if ((await this.#deps.attest(record)) === 'contradicted') throw this.#contradicted(number)
    this.#claimed.delete(number)
    this.gained += 1
    this.#fetch.live.finished(record)
  }

  /** Either the origin has other content now, or somebody told the swarm wrongly: both end with asking anew what it is. */
  #contradicted(piece: number): DfError {
    const { url } = this.#fetch.request
    return new DfError(
      'SourceChanged',
      `Piece ${piece} of ${url.origin}${url.pathname} is not what the swarm has agreed on: the content has changed, or a host told wrongly. Run it again.`,
    )
  }

  /** The pieces that did not come are free again. */
  release(): void {
    for (const piece of this.#claimed) this.#fetch.live.unclaim(piece)
  }

  #take(piece: number): void {
    this.#ahead.add(piece)
    this.#claimed.add(piece)
  }
}
