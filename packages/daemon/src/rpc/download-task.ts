import { create } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { PieceSchema } from '@damselfly/api/common'
import {
  type DownloadTaskRequest,
  type DownloadTaskResponse,
  DownloadTaskResponseSchema,
} from '@damselfly/api/dfdaemon'
import { savedBytesTrailer } from '@damselfly/api/trailers'
import {
  type Deadline,
  DfError,
  deadline,
  formatDuration,
  linkSignals,
  pieceSpan,
} from '@damselfly/core'
import type { CallContext } from '@damselfly/rpc'
import type { PieceRecord } from '@damselfly/storage'
import { type DownloadEvent, followDownload } from '../download/download-events.ts'
import type { JobStart } from '../download/download-job.ts'
import { type DownloadRequest, downloadRequest } from '../download/download-request.ts'
import type { LiveTask } from '../download/live-task.ts'
import { wirePiece } from '../download/wire-piece.ts'
import { taskLabels, taskSizeLevel } from '../metrics.ts'
import type { DaemonContext } from './context.ts'

/** Dragonfly's dfget allows two hours. */
const defaultTimeoutMs = 2 * 3_600_000

/**
 * DownloadTask of both services: `started`, one message a piece, then the status. From the upload service (a scheduler's
 * trigger) the same work is done, but nothing is written outside the store: a caller on the network must not name paths here.
 */
export async function* downloadTask(
  message: DownloadTaskRequest,
  context: DaemonContext,
  options: CallContext & { triggered: boolean },
): AsyncGenerator<DownloadTaskResponse> {
  if (options.triggered && message.download !== undefined) {
    delete message.download.outputPath
    delete message.download.digest
  }
  const { minPieceLength } = context
  const request = downloadRequest(message.download, context.sources, {
    triggered: options.triggered,
    minPieceLength,
  })
  if (options.triggered) outliveTrigger(request, context)
  const { metrics, clock } = context
  const labels = taskLabels(request.download)
  const startedAt = clock.monotonic()
  const done = context.busy()
  using limit = timeLimit(request, context)
  using linked = linkSignals(options.signal, limit.signal)
  metrics.downloads.inc(labels)
  metrics.downloading.inc(labels)
  let live: LiveTask | undefined
  let savedBefore = 0
  try {
    const follow = {
      data: context.data,
      log: context.log,
      findContent: (digest: string) => context.tasks.findContent(digest),
      clock,
      downloads: context.downloads,
      forget: () => context.forgetTask(request.taskId),
    }
    for await (const event of followDownload(request, follow, linked.signal)) {
      if (event.kind === 'started') {
        live = event.start.live
        savedBefore = live.savedBytes
      }
      yield await response(event, request, { hostId: context.host.id, live })
    }
    options.trailer[savedBytesTrailer] = String((live?.savedBytes ?? 0) - savedBefore)
    metrics.downloadDuration.observe(
      {
        task_type: labels.type,
        task_size_level: taskSizeLevel(live?.stored.spec.contentLength ?? 0),
      },
      clock.monotonic() - startedAt,
    )
  } catch (error) {
    if (!options.signal.aborted) metrics.downloadFailures.inc(labels)
    throw error
  } finally {
    metrics.downloading.dec(labels)
    done()
  }
}

/**
 * A scheduler that dies takes its stream with it, but children are waiting for what this host fetches: the job goes on without
 * its trigger, until it ends or the daemon does.
 */
function outliveTrigger(request: DownloadRequest, { downloads, stopping }: DaemonContext): void {
  // The joined promises are handled inside; the job's outcome reaches those who follow it.
  downloads.join(request, stopping)
}

function timeLimit({ download, url }: DownloadRequest, { clock }: DaemonContext): Deadline {
  const asked = download.timeout === undefined ? 0 : durationMs(download.timeout)
  const limitMs = asked > 0 ? asked : defaultTimeoutMs
  return deadline(
    clock,
    limitMs,
    () =>
      new DfError(
        'Timeout',
        `Downloading ${url.origin}${url.pathname} was not done within ${formatDuration(limitMs)}. What has arrived is kept: run it again to go on, or allow more time with --timeout.`,
      ),
  )
}

async function response(
  event: DownloadEvent,
  { taskId, download }: DownloadRequest,
  { hostId, live }: { hostId: string; live: LiveTask | undefined },
): Promise<DownloadTaskResponse> {
  if (event.kind === 'started') {
    const value = startedMessage(event.start)
    return create(DownloadTaskResponseSchema, {
      hostId,
      taskId,
      peerId: event.start.peerId,
      response: { case: 'downloadTaskStartedResponse', value },
    })
  }
  const piece = wirePiece(event.record)
  if (download.needPieceContent) piece.content = await content(event.record, live)
  return create(DownloadTaskResponseSchema, {
    hostId,
    taskId,
    response: { case: 'downloadPieceFinishedResponse', value: { piece } },
  })
}

function startedMessage({ live, geometry, wanted, range, wasComplete }: JobStart) {
  const pieces = []
  for (let number = wanted.first; number < wanted.end; number++) {
    const { offset, length } = pieceSpan(geometry, number)
    pieces.push(create(PieceSchema, { number, offset: BigInt(offset), length: BigInt(length) }))
  }
  return {
    contentLength: BigInt(geometry.contentLength),
    responseHeader: { ...live.stored.spec.responseHeader },
    pieces,
    isFinished: wasComplete,
    ...(range === undefined
      ? {}
      : { range: { start: BigInt(range.start), length: BigInt(range.length) } }),
  }
}

async function content(record: PieceRecord, live: LiveTask | undefined): Promise<Uint8Array> {
  const bytes = new Uint8Array(record.length)
  const read = await live?.stored.read(bytes, record.offset)
  if (read !== record.length) {
    throw new DfError('DiskFailed', `Piece ${record.number} cannot be read back from the store.`)
  }
  return bytes
}
