import type { Download, Peer } from '@damselfly/api/common'
import {
  background,
  type Clock,
  DfError,
  isDfError,
  type Log,
  type PieceGeometry,
  type PieceInterval,
  type Random,
} from '@damselfly/core'
import type { PieceRecord } from '@damselfly/storage'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import type { LiveTask } from './live-task.ts'
import { ParentFetch, type ParentFetchDeps } from './parent-fetch.ts'
import { parentAddress } from './parent-session.ts'
import { type PeerIdentity, type SchedulerOrder, SchedulerSession } from './scheduler-session.ts'
import { Wakeup } from './wakeup.ts'

export interface SwarmTarget {
  readonly live: LiveTask
  readonly geometry: PieceGeometry
  readonly wanted: PieceInterval
  /** What is registered, `actual_*` fields filled (trap T9). */
  readonly download: Download
  readonly identity: PeerIdentity
  readonly concurrency: number
}

export interface SwarmDeps extends Omit<ParentFetchDeps, 'onChange' | 'onPieceFailed'> {
  /** The task's schedulers, best first. */
  readonly schedulers: readonly SchedulerLink[]
  /** Makes this host known to a scheduler that has forgotten it. */
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  /** Fetches what is missing and unclaimed from the origin. */
  readonly readSource: (signal: AbortSignal) => Promise<void>
  readonly timing: SwarmTiming
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface SwarmTiming {
  /** Without any piece for this long, although parents live, other parents are asked for. */
  readonly starvedMs: number
  /** First pause between two such questions; doubles up to `maxRescheduleMs`. */
  readonly rescheduleMs: number
  readonly maxRescheduleMs: number
  /** How long a scheduler may leave this peer waiting. */
  readonly scheduleTimeoutMs: number
  /** When all schedulers are lost in mid-download: a random wait up to this long before the origin is asked. */
  readonly fallbackSpreadMs: number
  /** Pause between two attempts to reach a scheduler again. */
  readonly reconnectMs: number
}

/**
 * One download through the swarm. A loop looks at the state (pieces, parents, what the scheduler last said) and does
 * what can be done next, then sleeps until something changes. Orders of the scheduler, announcements of parents, arriving
 * pieces and ends of streams only change state and ring the bell, so their order does not matter.
 *
 * The rules: fetch what parents have; go to the origin only when told, or when no scheduler is left to tell; ask for other
 * parents when none is of use any more, with growing pauses.
 */
export class SwarmDownload {
  readonly #target: SwarmTarget
  readonly #deps: SwarmDeps
  readonly #parents: ParentFetch
  readonly #bell = new Wakeup()
  readonly #stop = new AbortController()
  #session: SchedulerSession | undefined
  /** Schedulers not tried yet in this attempt to connect. */
  #untried: SchedulerLink[] = []
  #announcedTo: SchedulerLink | undefined
  #announcing = false
  /** The scheduler owes an answer since this moment. */
  #owedSince: number | undefined
  #lostAt: number | undefined
  #fallbackAt = 0
  #reconnectAt = 0
  #idleSince: number | undefined
  #rescheduleAt = 0
  #reschedulePauseMs: number
  #bad: Peer[] = []
  #toSource = false
  #reading = false
  #failure: DfError | undefined

  constructor(target: SwarmTarget, deps: SwarmDeps) {
    this.#target = target
    this.#deps = deps
    this.#reschedulePauseMs = deps.timing.rescheduleMs
    this.#parents = new ParentFetch(target, {
      ...deps,
      onChange: () => this.#bell.ring(),
      onPieceFailed: (piece, parent, error) =>
        this.#session?.pieceFailed(piece, parent.id, error.code !== 'PieceCorrupt'),
    })
  }

  /** Resolves when every wanted piece is in the store. */
  async run(signal: AbortSignal): Promise<void> {
    const { live, wanted } = this.#target
    const unlisten = live.listen({
      finished: (record) => this.#onPiece(record),
      released: () => this.#bell.ring(),
    })
    try {
      this.#connect()
      while (!live.hasAll(wanted)) {
        signal.throwIfAborted()
        const failure = this.#failure ?? this.#parents.failure
        if (failure !== undefined) throw failure
        await this.#bell.wait(this.#deps.clock, this.#step(), signal)
      }
      this.#report((session) => session.finish(this.#toSource))
    } catch (error) {
      if (signal.aborted) this.#session?.abort()
      else this.#report((session) => session.fail(this.#toSource, DfError.from(error).message))
      throw error
    } finally {
      unlisten()
      this.#stop.abort(new DfError('PeerUnavailable', 'The download has ended.'))
      await this.#parents.close()
    }
  }

  /** Does what can be done now; returns how long nothing else needs doing, `undefined` = until the bell rings. */
  #step(): number | undefined {
    const { clock } = this.#deps
    this.#parents.pump()
    this.#bad.push(...this.#parents.takeDead().map((p) => p.address.wire))
    if (this.#toSource && !this.#reading && this.#hasFree()) this.#read()
    const now = clock.monotonic()
    if (this.#isBusy()) {
      this.#idleSince = undefined
      return undefined
    }
    this.#idleSince ??= now
    const due = this.#session === undefined ? this.#whenLost(now) : this.#whenIdle(now)
    return Math.max(1, due - now)
  }

  #isBusy(): boolean {
    const { live, wanted } = this.#target
    if (this.#reading || this.#parents.inFlight > 0) return true
    for (let n = wanted.first; n < wanted.end; n++) if (live.isClaimed(n)) return true
    return false
  }

  #hasFree(): boolean {
    const { live, wanted } = this.#target
    for (let n = wanted.first; n < wanted.end; n++) {
      if (!live.has(n) && !live.isClaimed(n)) return true
    }
    return false
  }

  /** Connected, and no piece is on its way. Returns when to look again. */
  #whenIdle(now: number): number {
    const { timing } = this.#deps
    const hopeful = this.#parents.isHopeful
    if (this.#owedSince !== undefined && (hopeful || this.#bad.length === 0)) {
      const overdueAt = this.#owedSince + timing.scheduleTimeoutMs
      if (now >= overdueAt)
        this.#onLost(overdue(this.#session?.link.address, timing.scheduleTimeoutMs))
      return overdueAt
    }
    const patience = hopeful ? timing.starvedMs : 0
    const askAt = Math.max((this.#idleSince ?? now) + patience, this.#rescheduleAt)
    if (now < askAt) return askAt
    this.#session?.reschedule(
      this.#bad.splice(0),
      hopeful ? 'no piece for a while' : 'no parent left',
    )
    this.#owedSince = now
    this.#rescheduleAt = now + this.#reschedulePauseMs
    this.#reschedulePauseMs = Math.min(this.#reschedulePauseMs * 2, timing.maxRescheduleMs)
    return now + timing.scheduleTimeoutMs
  }

  /** No scheduler. Returns when to look again. */
  #whenLost(now: number): number {
    const { timing } = this.#deps
    if (this.#announcing) return now + timing.reconnectMs
    if (now >= this.#fallbackAt) this.#useSource()
    if (now >= this.#reconnectAt) {
      this.#reconnectAt = now + timing.reconnectMs
      this.#connect()
    }
    return Math.min(this.#reconnectAt, this.#toSource ? this.#reconnectAt : this.#fallbackAt)
  }

  #connect(): void {
    this.#untried = [...this.#deps.schedulers]
    this.#connectNext()
  }

  #connectNext(): void {
    const link = this.#untried.shift()
    if (link === undefined) {
      this.#noSchedulerLeft()
      return
    }
    this.#register(link)
  }

  #register(link: SchedulerLink): void {
    const { live, wanted, identity, download } = this.#target
    const session = new SchedulerSession(
      link,
      identity,
      {
        onOrder: (order) => this.#onOrder(order),
        onLost: (error) => {
          if (this.#session === session) this.#onLost(error)
        },
      },
      this.#deps.clock,
    )
    this.#session = session
    this.#owedSince = this.#deps.clock.monotonic()
    session.register(download)
    for (let n = wanted.first; n < wanted.end; n++) {
      const record = live.stored.piece(n)
      if (record !== undefined) session.pieceFinished({ ...record, trafficType: 'local-peer' })
    }
  }

  #onOrder(order: SchedulerOrder): void {
    this.#owedSince = undefined
    this.#idleSince = undefined
    this.#lostAt = undefined
    switch (order.kind) {
      case 'parents':
        this.#session?.started()
        this.#parents.add(order.peers.map(parentAddress).filter((p) => p !== undefined))
        break
      case 'back-to-source':
        this.#session?.backToSourceStarted()
        this.#useSource()
        break
      case 'empty':
      case 'metadata-only':
        // Neither fits a task with bytes to fetch; the idle rule asks again.
        break
    }
    this.#bell.ring()
  }

  #onLost(error: DfError): void {
    const session = this.#session
    this.#session = undefined
    this.#owedSince = undefined
    session?.abort()
    if (error.blame === 'source' || isDfError(error, 'NoSource')) this.#failure = error
    else if (
      session !== undefined &&
      isDfError(error, 'HostNotFound') &&
      this.#announcedTo !== session.link
    ) {
      this.#introduce(session.link)
    } else {
      session?.link.markUnavailable()
      this.#deps.log.warn({ scheduler: session?.link.address, err: error }, 'scheduler lost')
      this.#connectNext()
    }
    this.#bell.ring()
  }

  /** The scheduler has been restarted and does not know this host: tell it, then register again. */
  #introduce(link: SchedulerLink): void {
    this.#announcedTo = link
    this.#announcing = true
    this.#deps.announce(link, this.#stop.signal).then(
      () => {
        this.#announcing = false
        if (!this.#stop.signal.aborted) this.#register(link)
      },
      () => {
        this.#announcing = false
        if (!this.#stop.signal.aborted) this.#connectNext()
        this.#bell.ring()
      },
    )
  }

  #noSchedulerLeft(): void {
    const { clock, random, timing } = this.#deps
    const now = clock.monotonic()
    this.#reconnectAt = now + timing.reconnectMs
    if (this.#lostAt !== undefined) return
    this.#lostAt = now
    // Who had parents shares the fate of many others; they must not all run to the origin in the same moment.
    const spread = this.#parents.isHopeful ? timing.fallbackSpreadMs * random.next() : 0
    this.#fallbackAt = now + spread
    this.#announcedTo = undefined
  }

  #useSource(): void {
    if (!this.#target.download.disableBackToSource) {
      if (!this.#toSource) this.#bell.ring()
      this.#toSource = true
      return
    }
    const now = this.#deps.clock.monotonic()
    const since = this.#lostAt ?? now
    if (this.#session !== undefined || now - since >= this.#deps.timing.scheduleTimeoutMs) {
      this.#failure = new DfError(
        'NoSource',
        'No peer holds the content and going to the origin is disabled for this download; allow it (without --disable-back-to-source) or warm the swarm up first.',
      )
    }
  }

  #read(): void {
    this.#reading = true
    this.#deps
      .readSource(this.#stop.signal)
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return
        this.#failure = DfError.from(error)
        this.#session?.sourceFailed(this.#failure)
      })
      .finally(() => {
        this.#reading = false
        this.#bell.ring()
      })
  }

  #onPiece(record: PieceRecord): void {
    const { first, end } = this.#target.wanted
    if (record.number >= first && record.number < end) this.#session?.pieceFinished(record)
    this.#reschedulePauseMs = this.#deps.timing.rescheduleMs
    this.#idleSince = undefined
    this.#bell.ring()
  }

  /** Tells the scheduler the end; the caller does not wait for its answer. */
  #report(end: (session: SchedulerSession) => Promise<void>): void {
    if (this.#session !== undefined) {
      background('report to the scheduler', end(this.#session), this.#deps.log)
    }
  }
}

function overdue(address: string | undefined, timeoutMs: number): DfError {
  return new DfError(
    'SchedulerUnavailable',
    `The scheduler at ${address} gave no order within ${Math.round(timeoutMs / 1000)} s.`,
  )
}
