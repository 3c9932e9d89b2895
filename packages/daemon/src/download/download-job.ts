import { clone, create } from '@bufbuild/protobuf'
import { type Download, DownloadSchema, Priority, RangeSchema } from '@damselfly/api/common'
import {
  abortable,
  type ByteRange,
  background,
  contradict,
  DfError,
  deadline,
  deferred,
  isDfError,
  linkSignals,
  type PieceGeometry,
  type PieceInterval,
  peerId,
  pieceGeometry,
  piecesOverlapping,
  validatorsOf,
} from '@damselfly/core'
import type { Source } from '@damselfly/sources'
import type { PieceRecord, TaskSpec } from '@damselfly/storage'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import type { DownloadContext } from './download-context.ts'
import { type DownloadRequest, wantedRange } from './download-request.ts'
import { digestsOf, heldPieces } from './held-pieces.ts'
import type { LiveTask } from './live-task.ts'
import { openDigests, PieceAuthority, type RecordOutcome } from './piece-authority.ts'
import {
  askOrigin,
  resolveTask,
  sourceRequest,
  sourceStat,
  type TaskFacts,
} from './resolve-task.ts'
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
  /** What the task was said to be, when that is known. */
  #told: TaskFacts | undefined

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
    } catch (thrown) {
      const error = this.#explain(thrown)
      this.#started.reject(error)
      if (isDfError(error, 'SourceChanged')) await this.#renew()
      throw error
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const local = this.#context.tasks.get(this.#request.taskId)
    const known = local === undefined ? undefined : this.#startIfComplete(local)
    if (known !== undefined && !this.#request.triggered) {
      // What is here complete counts as fixed; nobody else is told of it without the check below.
      this.#started.resolve(known)
      return
    }
    const facts = await this.#learn(local, signal)
    if (local !== undefined && isOther(local.stored.spec, facts)) {
      await this.#context.tasks.discard(this.#request.taskId)
    }
    const start = this.#start(
      await this.#context.tasks.open(this.#spec(facts), {
        isPartial: this.#request.range !== undefined,
      }),
    )
    this.#started.resolve(start)
    const leave = start.live.join()
    try {
      if (!start.live.hasAll(start.wanted)) {
        await this.#swarm(start, facts, this.#schedulers()).run(signal)
      } else if (this.#request.triggered) await this.#announceComplete(start, signal)
    } finally {
      leave()
    }
  }

  #schedulers(): SchedulerLink[] {
    const { taskId } = this.#request
    return isShareable(taskId) ? this.#context.schedulers.candidates(taskId) : []
  }

  #owners(): SchedulerLink[] {
    const { taskId } = this.#request
    return isShareable(taskId) ? this.#context.schedulers.owners(taskId) : []
  }

  /** Undefined when pieces are missing, or when the range does not fit what is stored. */
  #startIfComplete(live: LiveTask): JobStart | undefined {
    try {
      const start = this.#start(live)
      return start.wasComplete ? start : undefined
    } catch (error) {
      if (isDfError(error, 'InvalidArgument')) return undefined
      throw error
    }
  }

  /** What the content is now. Pieces that are here may only be added to when that can be compared with them. */
  async #learn(local: LiveTask | undefined, signal: AbortSignal): Promise<TaskFacts> {
    const deps = { ...this.#context, source: this.#source, hostId: this.#context.host.id }
    const facts = await resolveTask(this.#request, this.#owners(), deps, signal)
    this.#told = facts
    const before = local?.stored.spec.responseHeader
    if (before === undefined || !hasValidator(before) || hasValidator(facts.responseHeader)) {
      return facts
    }
    return await askOrigin(this.#request, deps, signal)
  }

  /** The user is told what happened, not what it looked like from inside. */
  #explain(thrown: unknown): unknown {
    if (!isDfError(thrown, 'TaskNotFound') || this.#told === undefined) return thrown
    const { url } = this.#request
    return new DfError(
      'TaskNotFound',
      `The content of ${url.origin}${url.pathname} was deleted on this host while it was being downloaded. Run it again.`,
      { cause: thrown },
    )
  }

  /**
   * The content is not what it was: nothing of it may be served again, here or through the scheduler, and the next one to ask
   * must learn what it is now.
   */
  async #renew(): Promise<void> {
    const { taskId } = this.#request
    const stale = this.#told
    if (stale === undefined) return
    const local = this.#context.tasks.get(taskId)
    // Another job may have begun anew already.
    if (local !== undefined && !isOther(local.stored.spec, stale)) {
      await this.#context.forgetTask(taskId)
    }
    const deps = { ...this.#context, source: this.#source, hostId: this.#context.host.id, stale }
    const { stopping } = this.#context
    const news = resolveTask(this.#request, this.#owners(), deps, stopping)
    background('telling the scheduler of changed content', news, this.#context.log)
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
      // Userinfo and signed queries stay out of the store.
      url: `${url.origin}${url.pathname}`,
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
    const authority = this.#authority(start)
    const claim = { rank: rankOf(this.#request.download), key: this.#request.taskId }
    const turn = (signal: AbortSignal) => context.slots.acquire(claim, signal)
    const attest = (record: PieceRecord): Promise<RecordOutcome> =>
      authority.record([{ number: record.number, digests: digestsOf(record) }], true)
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
        authority,
        turn,
        follow: (link) => context.followings.of(link),
        joinMesh: (job) => context.meshes.of(live).join(job),
        isBackground: this.#request.download.prefetch,
        schedulers: links,
        limiter: context.downloadLimiter,
        timing: context.settings.timing,
        readSource: (how) =>
          fetchFromSource(
            {
              live,
              geometry,
              wanted,
              request: sourceRequest(this.#request),
              expect: sourceStat(facts, live.stored.spec.responseHeader),
              concurrency: Math.ceil(context.settings.concurrentPieces / 2),
              ...how,
            },
            { ...context, attest, turn, limiter: context.sourceLimiter },
          ),
      },
    )
  }

  #authority({ geometry }: JobStart): PieceAuthority {
    const { pieceCount } = geometry
    const target = { taskId: this.#request.taskId, hostId: this.#context.host.id, pieceCount }
    return new PieceAuthority(target, { ...this.#context, openDigests })
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

  /**
   * A scheduler asked for what is already here: register as its holder without fetching (interop.md 2.5 point 6). The content
   * is here either way, so a scheduler that does not answer is passed over.
   */
  async #announceComplete(start: JobStart, signal: AbortSignal): Promise<void> {
    const { clock, announce, log } = this.#context
    for (const link of this.#schedulers()) {
      using limit = deadline(clock, announceWaitMs, () => overdue(link))
      using linked = linkSignals(signal, limit.signal)
      try {
        await this.#registerComplete(start, link, linked.signal).catch(async (error: unknown) => {
          if (!isDfError(error, 'HostNotFound')) throw error
          await announce(link, linked.signal)
          await this.#registerComplete(start, link, linked.signal)
        })
        return
      } catch (err) {
        signal.throwIfAborted()
        log.warn({ scheduler: link.address, err }, 'scheduler was not told of complete content')
      }
    }
  }

  async #registerComplete(
    start: JobStart,
    link: SchedulerLink,
    signal: AbortSignal,
  ): Promise<void> {
    const answered = deferred()
    const session = new SchedulerSession(
      link,
      this.#identity(),
      { onOrder: () => answered.resolve(), onLost: (error) => answered.reject(error) },
      this.#context.clock,
    )
    session.register(this.#registered(start, { metadataOnly: true }))
    using authority = this.#authority(start)
    authority.connect(link, heldPieces(start.live.stored))
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
}

/** The piece protocol has room for 64 characters; the longer ids of sha512 blobs go to the origin (interop.md 5.1). */
function isShareable(taskId: string): boolean {
  return taskId.length === 64
}

/** Dragonfly's levels, of which a higher one goes first; who names none gets the default of its tools, the highest. */
function rankOf({ priority, prefetch }: Download): number {
  if (prefetch) return Priority.LEVEL0
  return priority === Priority.LEVEL0 ? Priority.LEVEL6 : priority
}

const announceWaitMs = 10_000

function overdue({ address }: SchedulerLink): DfError {
  return new DfError('SchedulerUnavailable', `The scheduler at ${address} does not answer.`)
}

function hasValidator(header: Readonly<Record<string, string>>): boolean {
  return Object.keys(validatorsOf(header)).length > 0
}

/** The same URL has other content now than what is stored. */
function isOther(spec: TaskSpec, facts: TaskFacts): boolean {
  if (spec.contentLength !== facts.contentLength) return true
  return contradict(spec.responseHeader, facts.responseHeader)
}

function numberOf(value: bigint | undefined): number | undefined {
  return value === undefined || value === 0n ? undefined : Number(value)
}
