import {
  AsyncQueue,
  abortable,
  background,
  type Clock,
  DfError,
  formatDigest,
  type Log,
  linkSignals,
  parseDigest,
} from '@damselfly/core'
import type { PieceRecord, StoredTask } from '@damselfly/storage'
import type { DataPlane } from '../data/data-plane.ts'
import { contentDigest } from './content-digest.ts'
import type { JobStart } from './download-job.ts'
import type { DownloadRequest } from './download-request.ts'
import type { Downloads } from './downloads.ts'

export type DownloadEvent =
  | { readonly kind: 'started'; readonly start: JobStart }
  | { readonly kind: 'piece'; readonly record: PieceRecord }

export interface FollowDeps {
  readonly log: Log
  /** A complete task whose whole content was checked to have this digest. */
  readonly findContent: (digest: string) => StoredTask | undefined
  readonly data: Pick<DataPlane, 'hasher' | 'copier'>
  readonly clock: Clock
  readonly downloads: Downloads
  /** Removes the task: its bytes are not what the caller's digest names. */
  readonly forget: () => Promise<void>
}

/**
 * Runs a request to its end and tells what happens: `started` first, then every wanted piece once, those that were here
 * already as local ones, then the end. The digest and the output file come after the last piece.
 */
export async function* followDownload(
  request: DownloadRequest,
  deps: FollowDeps,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  // A consumer that leaves early must not keep the job going.
  using linked = linkSignals(signal)
  let unfollow = (): void => {}
  let endReading = (): void => {}
  try {
    const { started, done } = deps.downloads.join(request, linked.signal)
    const start = await abortable(started, linked.signal)
    // The digest is checked after the job has ended; the bytes stay readable in between.
    using _lease = start.live.stored.lease()
    unfollow = start.live.follow()
    // Who gets the bytes in the answers hands them on: the first ones are wanted first.
    if (request.download.needPieceContent) endReading = start.live.read(start.wanted.first)
    yield { kind: 'started', start }
    const digest = digestWanted(request, start, deps, linked.signal)
    yield* pieces(start, done)
    await done
    if (digest !== undefined) await checkDigest(request, start, await digest, deps)
    await writeOutput(request, start, deps.data, linked.signal)
  } finally {
    unfollow()
    endReading()
    linked.abort(signal.reason ?? callerLeft)
  }
}

/** One for all: nobody looks where it was made. */
const callerLeft = new DfError('Timeout', 'The caller has left.')

async function* pieces(start: JobStart, done: Promise<void>): AsyncGenerator<DownloadEvent> {
  const { live, wanted } = start
  const inside = ({ number }: PieceRecord): boolean => number >= wanted.first && number < wanted.end
  // At most one entry a piece, so this bound is never met.
  const arrived = new AsyncQueue<PieceRecord>(wanted.end - wanted.first)
  const unlisten = live.listen({
    finished: (record) => {
      if (inside(record)) arrived.push(record)
    },
  })
  done.then(
    () => arrived.close(),
    (error: unknown) => arrived.fail(error),
  )
  try {
    const local = live.stored.pieces().filter(inside)
    const told = new Set(local.map((r) => r.number))
    for (const record of local)
      yield { kind: 'piece', record: { ...record, trafficType: 'local-peer' } }
    for await (const record of arrived) {
      if (told.has(record.number)) continue
      told.add(record.number)
      yield { kind: 'piece', record }
    }
    // Another job's piece is in the store, and this job done, a moment before anybody is told of it.
    for (const record of live.stored.pieces().filter(inside)) {
      if (!told.has(record.number)) yield { kind: 'piece', record }
    }
  } finally {
    unlisten()
  }
}

/** The digest of the content when the caller has named one; it is computed while the pieces arrive. */
function digestWanted(
  { download }: DownloadRequest,
  { live }: JobStart,
  deps: FollowDeps,
  signal: AbortSignal,
): Promise<string> | undefined {
  if (!download.digest) return undefined
  const expected = parseDigest(download.digest)
  const text = formatDigest(expected)
  if (live.stored.isComplete && live.stored.isVerified(text)) return Promise.resolve(text)
  const digest = contentDigest(expected.algorithm, live, deps, signal)
  digest.catch(() => {})
  return digest
}

async function checkDigest(
  { download, url }: DownloadRequest,
  { live, wasComplete }: JobStart,
  actual: string,
  { forget, findContent, log }: FollowDeps,
): Promise<void> {
  const expected = formatDigest(parseDigest(download.digest ?? ''))
  if (actual === expected) {
    const twin = findContent(expected)
    live.stored.recordContentDigest(expected)
    if (twin !== undefined) background('storing content once', storeOnce(live.stored, twin), log)
    return
  }
  // Bytes that came for this caller alone are worthless. Those that others use are theirs to judge: the digest may be a slip.
  const isOurs = !wasComplete && live.followers === 1
  if (isOurs) await forget()
  throw new DfError(
    'DigestMismatch',
    `The content of ${url.origin}${url.pathname} is not what was asked for: expected ${expected}, got ${actual}. No output was written. Check the digest, or whether the origin serves another version${isOurs ? '' : '; this host had the content before: another --tag fetches it anew'}.`,
    { details: { expected, actual } },
  )
}

/** Two tasks with the same content, both checked, need its bytes once. */
async function storeOnce(stored: StoredTask, twin: StoredTask): Promise<void> {
  const isAlike = twin.spec.pieceLength === stored.spec.pieceLength
  if (twin !== stored && isAlike) await stored.adopt(twin)
}

async function writeOutput(
  { download }: DownloadRequest,
  { live, range }: JobStart,
  data: FollowDeps['data'],
  signal: AbortSignal,
): Promise<void> {
  const path = download.outputPath
  if (path === undefined || path === '') return
  const copier = data.copier(live.stored)
  await live.stored.exportTo(path, {
    overwrite: download.overwrite,
    forceHardLink: download.forceHardLink,
    signal,
    ...(range === undefined ? {} : { range }),
    ...(copier === undefined ? {} : { copier }),
  })
}
