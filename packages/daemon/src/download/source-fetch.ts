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
import type { Source, SourceBody, SourceRequest, SourceStat } from '@damselfly/sources'
import type { PieceWriter } from '@damselfly/storage'
import type { LiveTask } from './live-task.ts'

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
  readonly source: Source
  readonly clock: Clock
  readonly log: Log
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
  const claims = new Claims(fetch, run)
  try {
    const body = await deps.source.read(fetch.request, readOptions(run, fetch))
    const start = pieceSpan(fetch.geometry, run.first).offset
    if (body.start < start) {
      if (state.inOrder) {
        await body.bytes[Symbol.asyncIterator]().return?.()
        return false
      }
      state.inOrder = true
    }
    await pour(body, claims, fetch, deps)
    state.fruitless = 0
    return true
  } catch (error) {
    if (claims.gained > 0) state.fruitless = 0
    await afterFailure(error, fetch, state, deps)
    return true
  } finally {
    claims.release()
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
  if (failure.blame !== 'source' || !failure.retryable) throw failure
  if (failure.code === 'SourceChanged' || state.fruitless >= maxFruitlessAttempts) throw failure
  deps.log.debug(
    { err: failure, attempt: state.fruitless },
    'reading from the origin failed, trying again',
  )
  await sleep(deps.clock, firstRetryDelayMs * 2 ** (state.fruitless - 1), fetch.signal)
}

function readOptions(run: PieceInterval, { geometry, expect, signal }: SourceFetch) {
  const start = pieceSpan(geometry, run.first).offset
  const last = pieceSpan(geometry, run.end - 1)
  const length = last.offset + last.length - start
  if (length === geometry.contentLength) return { expect, signal }
  return { range: { start, length }, expect, signal }
}

/** The pieces of a run that are ours to fetch and not done yet. */
class Claims {
  readonly #fetch: SourceFetch
  readonly #pieces = new Set<number>()
  gained = 0

  constructor(fetch: SourceFetch, run: PieceInterval) {
    this.#fetch = fetch
    for (let n = run.first; n < run.end; n++) this.#pieces.add(n)
  }

  /** True when the piece that comes next in the body should be kept. */
  take(piece: number): boolean {
    const { live, wanted } = this.#fetch
    if (this.#pieces.has(piece)) return true
    if (piece < wanted.first || piece >= wanted.end || !live.claim(piece)) return false
    this.#pieces.add(piece)
    return true
  }

  done(piece: number): void {
    this.#pieces.delete(piece)
    this.gained += 1
  }

  get isEmpty(): boolean {
    return this.#pieces.size === 0
  }

  release(): void {
    for (const piece of this.#pieces) this.#fetch.live.unclaim(piece)
  }
}

/** Cuts the body into pieces. Leaves it as soon as nothing more is wanted of it. */
async function pour(
  body: SourceBody,
  claims: Claims,
  { live, geometry, signal }: SourceFetch,
  { clock, limiter }: SourceFetchDeps,
): Promise<void> {
  let position = body.start
  let piece = Math.floor(position / geometry.pieceLength)
  let startedAt = clock.monotonic()
  let writer: PieceWriter | undefined = claims.take(piece)
    ? live.stored.writePiece(piece)
    : undefined
  try {
    for await (const chunk of body.bytes) {
      await limiter.take(chunk.byteLength, signal)
      let rest = chunk
      while (rest.byteLength > 0) {
        const span = pieceSpan(geometry, piece)
        const left = span.offset + span.length - position
        const part = rest.subarray(0, left)
        rest = rest.subarray(part.byteLength)
        position += part.byteLength
        await writer?.write(part)
        if (part.byteLength < left) continue
        if (writer !== undefined) {
          const costMs = clock.monotonic() - startedAt
          const record = await writer.commit({
            parentId: '',
            trafficType: 'back-to-source',
            costMs,
          })
          claims.done(piece)
          live.finished(record)
        }
        piece += 1
        startedAt = clock.monotonic()
        if (claims.isEmpty || piece === geometry.pieceCount) return
        writer = claims.take(piece) ? live.stored.writePiece(piece) : undefined
      }
    }
  } finally {
    writer?.abort()
  }
}
