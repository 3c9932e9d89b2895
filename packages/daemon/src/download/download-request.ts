import type { Download } from '@damselfly/api/common'
import {
  type ByteRange,
  checkPieceLength,
  DfError,
  parseDigest,
  parseRangeHeader,
  type TaskId,
  taskId,
} from '@damselfly/core'
import type { SourceRegistry } from '@damselfly/sources'

/** What somebody wants downloaded, checked and with its identity computed. */
export interface DownloadRequest {
  readonly taskId: TaskId
  readonly url: URL
  /** The request as it came; sent on to the scheduler and, by it, to a seed. */
  readonly download: Download
  /** Request headers for the origin, without `Range`. */
  readonly header: Readonly<Record<string, string>>
  /** Bytes wanted, or the text of a `Range` header that can be read only when the length is known. */
  readonly range: ByteRange | { readonly header: string } | undefined
  /** The request came from a scheduler (seed trigger, preheat), not from a user of this host. */
  readonly triggered: boolean
}

/** Checks a wire `Download`. Errors: `InvalidArgument`, `UnknownScheme`. */
export function downloadRequest(
  download: Download | undefined,
  sources: SourceRegistry,
  options: { triggered: boolean; minPieceLength?: number },
): DownloadRequest {
  if (download === undefined) {
    throw new DfError(
      'InvalidArgument',
      'The request carries no download message; set it and ask again.',
    )
  }
  const url = sources.parseUrl(download.url)
  sources.for(url)
  // What cannot be checked at the end is refused at the beginning, before anything is fetched.
  if (download.digest) parseDigest(download.digest)
  const pieceLength = Number(download.pieceLength ?? 0)
  if (pieceLength !== 0) checkPieceLength(pieceLength, options.minPieceLength)
  const { rangeHeader, header } = splitRange(download.requestHeader)
  const range =
    wireRange(download) ?? (rangeHeader === undefined ? undefined : { header: rangeHeader })
  if (download.digest && range !== undefined) {
    throw new DfError(
      'InvalidArgument',
      'A digest is one of the whole content and cannot be checked against a range of it; drop the digest or the range.',
    )
  }
  return {
    taskId: identity(download),
    url,
    download,
    header,
    range,
    triggered: options.triggered,
  }
}

/** The bytes that the request wants of a task of this length; `undefined` means all. */
export function wantedRange(
  request: DownloadRequest,
  contentLength: number,
): ByteRange | undefined {
  const { range } = request
  if (range === undefined) return undefined
  if ('header' in range) return parseRangeHeader(range.header, contentLength)
  if (range.start >= contentLength || range.length <= 0) {
    throw new DfError(
      'InvalidArgument',
      `The range starts at byte ${range.start} for ${range.length} bytes, but the content has ${contentLength} bytes; ask for a range inside it.`,
    )
  }
  return { start: range.start, length: Math.min(range.length, contentLength - range.start) }
}

/**
 * Names the request among those in flight: equal keys are one job. What the job does for one caller must be what it would do
 * for the other, so credentials and the right to go to the origin belong to it; pieces are never fetched twice anyway. A
 * trigger is never joined with a user's request: on a seed that one waits for the very lease that the trigger's job brings.
 */
export function jobKey({ taskId, download, header, range }: DownloadRequest): string {
  const bytes =
    range === undefined || 'header' in range ? range?.header : `${range.start}+${range.length}`
  const names = Object.keys(header).sort()
  return JSON.stringify([
    taskId,
    bytes ?? 'all',
    download.needBackToSource,
    download.disableBackToSource,
    names.map((name) => [name.toLowerCase(), header[name]]),
  ])
}

function identity(download: Download): TaskId {
  return taskId({
    url: download.url,
    tag: download.tag,
    application: download.application,
    pieceLength: download.pieceLength === undefined ? undefined : Number(download.pieceLength),
    filteredQueryParams: download.filteredQueryParams,
    contentForCalculatingTaskId: download.contentForCalculatingTaskId,
    enableTaskIdBasedBlobDigest: download.enableTaskIdBasedBlobDigest,
  })
}

function wireRange(download: Download): ByteRange | undefined {
  if (download.range === undefined) return undefined
  return { start: Number(download.range.start), length: Number(download.range.length) }
}

function splitRange(all: Readonly<Record<string, string>>): {
  rangeHeader: string | undefined
  header: Record<string, string>
} {
  let rangeHeader: string | undefined
  const header: Record<string, string> = {}
  for (const [name, value] of Object.entries(all)) {
    if (name.toLowerCase() === 'range') rangeHeader = value
    else header[name] = value
  }
  return { rangeHeader, header }
}
