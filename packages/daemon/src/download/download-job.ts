import { clone, create } from '@bufbuild/protobuf'
import { type Download, DownloadSchema, RangeSchema } from '@damselfly/api/common'
import {
  abortable,
  type ByteRange,
  deferred,
  isDfError,
  type PieceGeometry,
  type PieceInterval,
  peerId,
  pieceGeometry,
  piecesOverlapping,
} from '@damselfly/core'
import type { Source } from '@damselfly/sources'
import type { TaskSpec } from '@damselfly/storage'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import type { DownloadContext } from './download-context.ts'
import { type DownloadRequest, wantedRange } from './download-request.ts'
import type { LiveTask } from './live-task.ts'
import { resolveTask, sourceRequest, sourceStat, type TaskFacts } from './resolve-task.ts'
import { SchedulerSession } from './scheduler-session.ts'
import { fetchFromSource } from './source-fetch.ts'
import { SwarmDownload } from './swarm-download.ts'

/** What is known when the bytes begin to come. */
export interface JobStart {
  readonly live: LiveTask
  readonly geometry: PieceGeometry
  readonly wanted: PieceInterval
  /** Bytes asked for; `undefined` = all. */
  readonly range: ByteRange | undefined
  /** Everything wanted was here already. */
  readonly wasComplete: boolean
  readonly peerId: string
}

/**
 * One download of one task (or range) by this host: learn what it is, open its place in the store, get what is missing. Equal
 * requests share one job (see `Downloads`).
 */
export class DownloadJob {
  readonly #request: DownloadRequest
  readonly #context: DownloadContext
  readonly #source: Source
  readonly #started = deferred<JobStart>()
  readonly #peerId: ReturnType<typeof peerId>

  constructor(request: DownloadRequest, context: DownloadContext) {
    this.#request = request
    this.#context = context
    this.#source = context.sources.for(request.url)
    this.#peerId = peerId(context.host, context.random)
  }

  /** Settles when the length is known and the task is open. */
  get started(): Promise<JobStart> {
    return this.#started.promise
  }

  /** Resolves when every wanted piece is in the store. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#run(signal)
    } catch (error) {
      this.#started.reject(error)
      if (isDfError(error, 'SourceChanged')) await this.#forget()
      throw error
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { tasks, schedulers } = this.#context
    const links = isShareable(this.#request.taskId)
      ? schedulers.candidates(this.#request.taskId)
      : []
    const local = tasks.get(this.#request.taskId)
    if (local !== undefined) {
      const start = this.#start(local)
      if (local.hasAll(start.wanted)) {
        this.#started.resolve(start)
        if (this.#request.triggered) await this.#announceComplete(start, links, signal)
        return
      }
    }
    const facts = await resolveTask(
      this.#request,
      links,
      { ...this.#context, source: this.#source, hostId: this.#context.host.id },
      signal,
    )
    if (local !== undefined && isOther(local.stored.spec, facts))
      await tasks.discard(this.#request.taskId)
    const start = this.#start(await tasks.open(this.#spec(facts)))
    this.#started.resolve(start)
    const leave = start.live.join()
    try {
      if (!start.live.hasAll(start.wanted)) await this.#swarm(start, facts, links).run(signal)
    } finally {
      leave()
    }
  }

  #start(live: LiveTask): JobStart {
    const { contentLength, pieceLength } = live.stored.spec
    const geometry = pieceGeometry(contentLength, pieceLength)
    const range = wantedRange(this.#request, contentLength)
    const wanted = piecesOverlapping(geometry, range)
    return { live, geometry, wanted, range, wasComplete: live.hasAll(wanted), peerId: this.#peerId }
  }

  #spec(facts: TaskFacts): TaskSpec {
    const { download, taskId, url } = this.#request
    const { pieceLength } = pieceGeometry(facts.contentLength, numberOf(download.pieceLength))
    return {
      taskId,
      url: url.href,
      tag: download.tag ?? '',
      application: download.application ?? '',
      contentLength: facts.contentLength,
      pieceLength,
      responseHeader: facts.responseHeader,
    }
  }

  #swarm(start: JobStart, facts: TaskFacts, links: readonly SchedulerLink[]): SwarmDownload {
    const context = this.#context
    const { live, geometry, wanted } = start
    return new SwarmDownload(
      {
        live,
        geometry,
        wanted,
        download: this.#registered(start, { metadataOnly: false }),
        identity: this.#identity(),
        concurrency: context.settings.concurrentPieces,
      },
      {
        ...context,
        hostId: context.host.id,
        schedulers: links,
        limiter: context.downloadLimiter,
        timing: context.settings.timing,
        readSource: (signal) =>
          fetchFromSource(
            {
              live,
              geometry,
              wanted,
              request: sourceRequest(this.#request),
              expect: sourceStat(facts),
              concurrency: context.settings.concurrentPieces,
              signal,
            },
            { ...context, source: this.#source, limiter: context.sourceLimiter },
          ),
      },
    )
  }

  /** The download as this peer registers it: what was asked, plus what is now known (trap T9). */
  #registered(start: JobStart, { metadataOnly }: { metadataOnly: boolean }): Download {
    const download = clone(DownloadSchema, this.#request.download)
    download.concurrentPieceCount = this.#context.settings.concurrentPieces
    download.actualContentLength = BigInt(start.geometry.contentLength)
    download.actualPieceLength = BigInt(start.geometry.pieceLength)
    download.actualPieceCount = BigInt(start.geometry.pieceCount)
    download.metadataOnly = metadataOnly
    if (start.range !== undefined) {
      download.range = create(RangeSchema, {
        start: BigInt(start.range.start),
        length: BigInt(start.range.length),
      })
    }
    delete download.outputPath
    return download
  }

  /** A scheduler asked for what is already here: register as its holder without fetching (interop.md 2.5 point 6). */
  async #announceComplete(
    start: JobStart,
    links: readonly SchedulerLink[],
    signal: AbortSignal,
  ): Promise<void> {
    const link = links[0]
    if (link === undefined) return
    const answered = deferred()
    const session = new SchedulerSession(
      link,
      this.#identity(),
      { onOrder: () => answered.resolve(), onLost: (error) => answered.reject(error) },
      this.#context.clock,
    )
    session.register(this.#registered(start, { metadataOnly: true }))
    try {
      await abortable(answered.promise, signal)
      session.started()
      await session.finish(false)
    } catch (error) {
      session.abort()
      throw error
    }
  }

  #identity() {
    return { hostId: this.#context.host.id, taskId: this.#request.taskId, peerId: this.#peerId }
  }

  /** The content is not what it was: nothing of it may be served again, here or through the scheduler. */
  async #forget(): Promise<void> {
    await this.#context.forgetTask(this.#request.taskId)
  }
}

/** The piece protocol has room for 64 characters; the longer ids of sha512 blobs go to the origin (interop.md 5.1). */
function isShareable(taskId: string): boolean {
  return taskId.length === 64
}

/** The same URL has other content now than what is stored. */
function isOther(spec: TaskSpec, facts: TaskFacts): boolean {
  if (spec.contentLength !== facts.contentLength) return true
  return ['etag', 'last-modified'].some((name) => {
    const before = spec.responseHeader[name]
    const now = facts.responseHeader[name]
    return before !== undefined && now !== undefined && before !== now
  })
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined || value === 0n ? undefined : Number(value)
}
