import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DownloadSchema } from '@damselfly/api/common'
import type { DfdaemonDownload, DownloadTaskResponse } from '@damselfly/api/dfdaemon'
import { savedBytesTrailer } from '@damselfly/api/trailers'
import { DfError } from '@damselfly/core'
import type { Client } from '@damselfly/rpc'
import { type Shares, SharesTracker } from './shares-tracker.ts'

export type DaemonClient = Pick<Client<typeof DfdaemonDownload>, 'downloadTask'>

export interface DownloadToOptions {
  /** What to download and where to; the daemon writes `outputPath`, which is a path on its host. */
  readonly download: MessageInitShape<typeof DownloadSchema>
  readonly signal?: AbortSignal
  /** Gets the content when `needPieceContent` is set, in the order of arrival. `position` counts from the first byte asked for. */
  readonly write?: (bytes: Uint8Array, position: number) => Promise<void>
}

export interface DownloadProgress {
  readonly taskId: string
  /** Of the daemon. */
  readonly hostId: string
  readonly peerId: string
  /** Bytes that were asked for, and those that are there. */
  readonly sizeBytes: number
  readonly doneBytes: number
  readonly shares: Shares
  readonly pieceCount: number
  /** Bytes that did not have to travel, because pieces came packed; known at the end, of our own daemons. */
  readonly savedBytes?: number
}

/**
 * Runs a download through a daemon: yields once at the start and after each piece, and returns the final state when the
 * daemon has finished all of it, output included. Errors are those of the daemon, or the signal's reason.
 */
export async function* downloadTo(
  client: DaemonClient,
  { download, signal, write }: DownloadToOptions,
): AsyncGenerator<DownloadProgress, DownloadProgress> {
  const tracker = new SharesTracker()
  let last: DownloadProgress | undefined
  let saved: string | null = null
  const responses = client.downloadTask(
    { download },
    {
      ...(signal && { signal }),
      onTrailer: (trailer) => {
        saved = trailer.get(savedBytesTrailer)
      },
    },
  )
  for await (const response of responses) {
    tracker.add(response)
    if (write !== undefined) await writeContent(response, tracker, write)
    last = progress(response, tracker)
    yield last
  }
  if (last === undefined || tracker.missingPieces > 0) throw incomplete(tracker)
  return saved === null ? last : { ...last, savedBytes: Number(saved) }
}

function progress(
  { taskId, hostId, peerId }: DownloadTaskResponse,
  tracker: SharesTracker,
): DownloadProgress {
  const { sizeBytes, doneBytes, shares, pieceCount } = tracker
  return { taskId, hostId, peerId, sizeBytes, doneBytes, shares, pieceCount }
}

async function writeContent(
  { response }: DownloadTaskResponse,
  tracker: SharesTracker,
  write: (bytes: Uint8Array, position: number) => Promise<void>,
): Promise<void> {
  const piece = response.case === 'downloadPieceFinishedResponse' ? response.value.piece : undefined
  if (piece === undefined) return
  const { start, end } = tracker.part(piece)
  const offset = Number(piece.offset)
  const bytes = (piece.content ?? new Uint8Array()).subarray(start - offset, end - offset)
  if (bytes.byteLength !== end - start) {
    throw new DfError(
      'DaemonUnavailable',
      `The daemon sent ${bytes.byteLength} instead of ${end - start} bytes of piece ${piece.number}: it may not support sending content.`,
    )
  }
  await write(bytes, start - tracker.start)
}

/** Dragonfly's daemon can end a stream cleanly although pieces are missing. */
function incomplete(tracker: SharesTracker): DfError {
  const { missingPieces, pieceCount } = tracker
  const what =
    pieceCount === 0 ? 'before it began' : `with ${missingPieces} of ${pieceCount} pieces missing`
  return new DfError(
    'DaemonUnavailable',
    `The daemon ended the download ${what}: run the command again.`,
  )
}
