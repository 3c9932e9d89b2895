import { writeFile } from 'node:fs/promises'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Download, PieceSchema, TrafficType } from '@damselfly/api/common'
import {
  DfdaemonDownload,
  type DownloadTaskResponse,
  DownloadTaskResponseSchema,
} from '@damselfly/api/dfdaemon'
import {
  type CollectGarbageRequest,
  type CollectGarbageResponseSchema,
  Store,
} from '@damselfly/api/store'
import { silentLog } from '@damselfly/core'
import { type RpcServer, route, startRpcServer } from '@damselfly/rpc'

/** A piece as the fake daemon tells of it; the content is cut of `FakeDaemonOptions.content`. */
export interface FakePiece {
  readonly from: 'origin' | 'cache' | 'seed' | 'peer'
}

export interface FakeDaemonOptions {
  readonly content: Uint8Array
  readonly pieceLength: number
  /** Who gives each piece, over and over. Default: the origin. */
  readonly givers?: readonly FakePiece['from'][]
  /** Called before piece `number` is told; may throw or wait. */
  readonly beforePiece?: (number: number, signal: AbortSignal) => Promise<void> | void
  /** Called before the first message. */
  readonly onRequest?: (download: Download) => void
  /** Leaves out the last piece and ends as if nothing were wrong. */
  readonly isIncomplete?: boolean
  /** Its store's garbage. Default: none, and Dragonfly's lack of the call. */
  readonly collectGarbage?: (
    request: CollectGarbageRequest,
    signal: AbortSignal,
  ) => Promise<MessageInitShape<typeof CollectGarbageResponseSchema>>
}

export interface FakeDaemon extends AsyncDisposable {
  readonly server: RpcServer
  readonly requests: Download[]
}

/** The local API of a daemon that has `content` for every URL. */
export async function startFakeDaemon(
  path: string,
  options: FakeDaemonOptions,
): Promise<FakeDaemon> {
  const requests: Download[] = []
  const { collectGarbage } = options
  const store = collectGarbage && [
    route(Store, { collectGarbage: (request, { signal }) => collectGarbage(request, signal) }),
  ]
  const server = await startRpcServer({
    listen: { path },
    log: silentLog,
    health: [],
    graceMs: 200,
    services: [
      ...(store ?? []),
      route(DfdaemonDownload, {
        async *downloadTask({ download }, { signal }) {
          if (download === undefined) return
          requests.push(download)
          options.onRequest?.(download)
          yield* responses(download, options, signal)
        },
      }),
    ],
  })
  return { server, requests, [Symbol.asyncDispose]: () => server.stop() }
}

async function* responses(
  download: Download,
  { content, pieceLength, givers = ['origin'], beforePiece, isIncomplete }: FakeDaemonOptions,
  signal: AbortSignal,
): AsyncGenerator<DownloadTaskResponse> {
  const start = Number(download.range?.start ?? 0n)
  const end = download.range === undefined ? content.length : start + Number(download.range.length)
  const first = Math.floor(start / pieceLength)
  const count = Math.ceil(end / pieceLength) - first
  const pieces = Array.from({ length: count }, (_, index) => {
    const number = first + index
    const offset = number * pieceLength
    return create(PieceSchema, {
      number,
      offset: BigInt(offset),
      length: BigInt(Math.min(pieceLength, content.length - offset)),
    })
  })
  const { range } = download
  yield answer({
    case: 'downloadTaskStartedResponse',
    value: {
      contentLength: BigInt(content.length),
      pieces,
      ...(range === undefined ? {} : { range: { start: range.start, length: range.length } }),
    },
  })
  for (const [index, piece] of pieces.entries()) {
    await beforePiece?.(piece.number, signal)
    if (isIncomplete === true && index === count - 1) return
    yield answer({
      case: 'downloadPieceFinishedResponse',
      value: {
        piece: {
          ...piece,
          ...origin(givers[index % givers.length] ?? 'origin'),
          ...contentOf(piece, content, download),
        },
      },
    })
  }
  if (download.outputPath !== undefined)
    await writeFile(download.outputPath, content.subarray(start, end))
}

type Answer = NonNullable<
  Parameters<typeof create<typeof DownloadTaskResponseSchema>>[1]
>['response']

function answer(response: Answer): DownloadTaskResponse {
  return create(DownloadTaskResponseSchema, {
    hostId: '10.0.0.1-host',
    taskId: 'a'.repeat(64),
    peerId: '10.0.0.1-host-1',
    ...(response === undefined ? {} : { response }),
  })
}

function contentOf(
  { offset, length }: { offset: bigint; length: bigint },
  content: Uint8Array,
  { needPieceContent }: Download,
) {
  if (!needPieceContent) return {}
  return { content: content.slice(Number(offset), Number(offset + length)) }
}

function origin(from: FakePiece['from']) {
  switch (from) {
    case 'origin':
      return { trafficType: TrafficType.BACK_TO_SOURCE }
    case 'cache':
      return { trafficType: TrafficType.LOCAL_PEER }
    case 'seed':
      return { trafficType: TrafficType.REMOTE_PEER, parentId: '10.0.0.2-host-2-seed' }
    case 'peer':
      return { trafficType: TrafficType.REMOTE_PEER, parentId: '10.0.0.3-host-3' }
  }
}
