import { create } from '@bufbuild/protobuf'
import {
  type Download,
  DownloadSchema,
  Priority,
  RangeSchema,
  TrafficType,
} from '@damselfly/api/common'
import {
  DfdaemonDownload,
  DownloadTaskRequestSchema,
  type DownloadTaskResponse,
} from '@damselfly/api/dfdaemon'
import { savedBytesTrailer } from '@damselfly/api/trailers'
import { openChannel } from '@damselfly/rpc'

/** Fields of a `Download`, and how to follow it. */
export interface DownloadOptions {
  readonly download?: Partial<Download>
  readonly outputPath?: string
  readonly range?: { readonly start: number; readonly length: number }
  readonly signal?: AbortSignal
  /** Called with every message as it comes. */
  readonly onMessage?: (message: DownloadTaskResponse) => void
}

export interface DownloadResult {
  readonly taskId: string
  readonly contentLength: number
  readonly pieces: readonly number[]
  readonly bytesFromOrigin: number
  readonly bytesFromSeeds: number
  readonly bytesFromPeers: number
  /** Bytes that were on the host already. */
  readonly bytesFromCache: number
  /** Bytes that did not have to travel, because pieces came packed. */
  readonly savedBytes: number
  readonly ms: number
}

/** Runs one download through the daemon behind a unix socket; rejects with the daemon's `DfError`. */
export async function downloadVia(
  socketPath: string,
  url: string,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  using channel = openChannel({ path: socketPath }, { unavailable: 'DaemonUnavailable' })
  const startedAt = performance.now()
  const bytes = { origin: 0, seeds: 0, peers: 0, cache: 0 }
  const pieces: number[] = []
  let taskId = ''
  let contentLength = 0
  const request = create(DownloadTaskRequestSchema, { download: wireDownload(url, options) })
  let savedBytes = 0
  const call = channel.client(DfdaemonDownload).downloadTask(request, {
    ...(options.signal && { signal: options.signal }),
    onTrailer: (trailer) => {
      savedBytes = Number(trailer.get(savedBytesTrailer))
    },
  })
  for await (const message of call) {
    options.onMessage?.(message)
    taskId = message.taskId
    const { response } = message
    if (response.case === 'downloadTaskStartedResponse') {
      contentLength = Number(response.value.contentLength)
    }
    if (response.case !== 'downloadPieceFinishedResponse') continue
    const { piece } = response.value
    if (piece === undefined) continue
    pieces.push(piece.number)
    bytes[origin(piece.trafficType, piece.parentId)] += Number(piece.length)
  }
  return {
    taskId,
    contentLength,
    pieces,
    bytesFromOrigin: bytes.origin,
    bytesFromSeeds: bytes.seeds,
    bytesFromPeers: bytes.peers,
    bytesFromCache: bytes.cache,
    savedBytes,
    ms: performance.now() - startedAt,
  }
}

function wireDownload(url: string, { download, outputPath, range }: DownloadOptions): Download {
  const message = create(DownloadSchema, { url, priority: Priority.LEVEL6 })
  if (outputPath !== undefined) message.outputPath = outputPath
  if (range !== undefined) {
    message.range = create(RangeSchema, {
      start: BigInt(range.start),
      length: BigInt(range.length),
    })
  }
  return Object.assign(message, download)
}

function origin(
  traffic: TrafficType | undefined,
  parentId: string | undefined,
): 'origin' | 'seeds' | 'peers' | 'cache' {
  if (traffic === TrafficType.LOCAL_PEER) return 'cache'
  if (traffic === TrafficType.REMOTE_PEER) return parentId?.endsWith('-seed') ? 'seeds' : 'peers'
  return 'origin'
}
