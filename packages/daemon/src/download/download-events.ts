import {
  AsyncQueue,
  abortable,
  createHasher,
  DfError,
  formatDigest,
  linkSignals,
  parseDigest,
} from '@damselfly/core'
import type { PieceRecord } from '@damselfly/storage'
import type { JobStart } from './download-job.ts'
import type { DownloadRequest } from './download-request.ts'
import type { Downloads } from './downloads.ts'

export type DownloadEvent =
  | { readonly kind: 'started'; readonly start: JobStart }
  | { readonly kind: 'piece'; readonly record: PieceRecord }

export interface FollowDeps {
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
  { downloads, forget }: FollowDeps,
  signal: AbortSignal,
): AsyncGenerator<DownloadEvent> {
  // A consumer that leaves early must not keep the job going.
  using linked = linkSignals(signal)
  let unfollow = (): void => {}
  try {
    const { started, done } = downloads.join(request, linked.signal)
    const start = await abortable(started, linked.signal)
    // The digest is checked after the job has ended; the bytes stay readable in between.
    using _lease = start.live.stored.lease()
    unfollow = start.live.follow()
    yield { kind: 'started', start }
    yield* pieces(start, done)
    await done
    await verifyDigest(request, start, forget, linked.signal)
    await writeOutput(request, start, linked.signal)
  } finally {
    unfollow()
    linked.abort(signal.reason ?? new DfError('Timeout', 'The caller has left.'))
  }
}

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
      if (!told.has(record.number)) yield { kind: 'piece', record }
    }
  } finally {
    unlisten()
  }
}

const readSize = 1 << 20

async function verifyDigest(
  { download, url }: DownloadRequest,
  { live, geometry, wasComplete }: JobStart,
  forget: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const text = download.digest
  if (text === undefined || text === '') return
  const expected = parseDigest(text)
  const hasher = createHasher(expected.algorithm)
  const buffer = Buffer.allocUnsafe(Math.min(readSize, geometry.contentLength))
  for (let offset = 0; offset < geometry.contentLength; ) {
    signal.throwIfAborted()
    const read = await live.stored.read(buffer.subarray(0, geometry.contentLength - offset), offset)
    if (read === 0)
      throw new DfError(
        'DiskFailed',
        `The stored content of ${url.origin}${url.pathname} ends at byte ${offset}.`,
      )
    hasher.update(buffer.subarray(0, read))
    offset += read
  }
  const actual = hasher.digest()
  if (actual === formatDigest(expected)) return
  // Bytes that came for this caller alone are worthless. Those that others use are theirs to judge: the digest may be a slip.
  const isOurs = !wasComplete && live.followers === 1
  if (isOurs) await forget()
  throw new DfError(
    'DigestMismatch',
    `The content of ${url.origin}${url.pathname} is not what was asked for: expected ${formatDigest(expected)}, got ${actual}. No output was written. Check the digest, or whether the origin serves another version${isOurs ? '' : '; this host had the content before: another --tag fetches it anew'}.`,
    { details: { expected: formatDigest(expected), actual } },
  )
}

async function writeOutput(
  { download }: DownloadRequest,
  { live, range }: JobStart,
  signal: AbortSignal,
): Promise<void> {
  const path = download.outputPath
  if (path === undefined || path === '') return
  await live.stored.exportTo(path, {
    overwrite: download.overwrite,
    forceHardLink: download.forceHardLink,
    signal,
    ...(range === undefined ? {} : { range }),
  })
}
