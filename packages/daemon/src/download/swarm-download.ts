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
import { heldPieces } from './held-pieces.ts'
import type { LiveTask } from './live-task.ts'
import { ParentFetch, type ParentFetchDeps } from './parent-fetch.ts'
import { parentAddress } from './parent-session.ts'
import type { PieceAuthority } from './piece-authority.ts'
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

export interface SwarmDeps
  extends Omit<ParentFetchDeps, 'onChange' | 'onPieceFailed' | 'authority'> {
  readonly authority: PieceAuthority

  /** The task's schedulers, best first. */
  readonly schedulers: readonly SchedulerLink[]
  /** Makes this host known to a scheduler that has forgotten it. */
  readonly announce: (link: SchedulerLink, signal: AbortSignal) => Promise<void>
  /** Fetches what is missing and unclaimed from the origin. */
  readonly readSource: (options: {
    signal: AbortSignal
    /** Asked before each further request. */
    isWanted: () => boolean
  }) => Promise<void>
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
  /** How long a download that may not go to the origin waits for a scheduler to come back. */
  readonly lostTimeoutMs: number
  /** Quiet time, up to twice of it, before a lost download with living parents asks the origin. */
  readonly patienceMs: number
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
  /** This download's share of every random wait, 0 to 1. */
  #spread = 0
  #hadParents = false
  #reconnectAt = 0
  #idleSince: number | undefined
  #rescheduleAt = 0
  #reschedulePauseMs: number
  #bad: Peer[] = []
  #toSource = false
  #reading = false
  #readDone = Promise.resolve()
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
    const { authority, log } = this.#deps
    const unlisten = live.listen({
      finished: (record) => this.#onPiece(record),
      released: (piece) => {
        this.#parents.released(piece)
        this.#bell.ring()
      },
    })
    const trust = authority.onContradiction((piece) => {
      background('dropping a piece that the swarm contradicts', live.drop(piece), log)
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
      trust()
      authority.close()
      this.#stop.abort(downloadEnded)
      await Promise.all([this.#parents.close(), this.#readDone])
    }
  }

  /** Does what can be done now; returns how long nothing else needs doing, `undefined` = until the bell rings. */
  #step(): number | undefined {
    const { clock } = this.#deps
    this.#parents.pump()
    this.#bad.push(...this.#parents.takeDead().map((p) => p.address.wire))
    if (this.#toSource && !this.#reading && this.#parents.hasFree) this.#read()
    const now = clock.monotonic()
    const isBusy = this.#reading || this.#parents.inFlight > 0 || this.#parents.isAwaited
    if (isBusy) this.#idleSince = undefined
    else this.#idleSince ??= now
    if (this.#session === undefined) return Math.max(1, this.#whenLost(now, isBusy) - now)
    return isBusy ? undefined : Math.max(1, this.#whenIdle(now) - now)
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

  /** No scheduler: look for one whatever else goes on, and do without when nothing does. Returns when to look again. */
  #whenLost(now: number, isBusy: boolean): number {
    const { timing, schedulers } = this.#deps
    if (this.#announcing) return now + timing.reconnectMs
    const fallbackAt = this.#fallbackDue(now)
    if (!isBusy && now >= fallbackAt) this.#doWithout(now)
    if (schedulers.length === 0) return now + timing.scheduleTimeoutMs
    if (now >= this.#reconnectAt) {
      this.#reconnectAt = now + timing.reconnectMs
      this.#connect()
    }
    return isBusy || this.#toSource ? this.#reconnectAt : Math.min(this.#reconnectAt, fallbackAt)
  }

  /**
   * When the origin is asked without a scheduler. Who had parents shares the fate of many others, and they must not all run
   * there in the same moment; a parent that may be at the origin itself right now is waited for longer.
   */
  #fallbackDue(now: number): number {
    const { timing } = this.#deps
    if (!this.#parents.isHopeful) return this.#fallbackAt
    return (this.#idleSince ?? now) + timing.patienceMs * (1 + this.#spread)
  }

  #doWithout(now: number): void {
    if (!this.#target.download.disableBackToSource) {
      this.#useSource()
      return
    }
    const { timing, schedulers } = this.#deps
    if (schedulers.length > 0 && now - (this.#lostAt ?? now) < timing.lostTimeoutMs) {
      this.#fallbackAt = now + timing.reconnectMs
      return
    }
    this.#failure = noSource(
      schedulers.length === 0
        ? 'This daemon has no scheduler that could name a peer with the content'
        : `No scheduler has answered for ${timing.lostTimeoutMs / 1000} s`,
    )
    this.#bell.ring()
  }

  #connect(): void {
    // One that failed a moment ago, perhaps for another download, is not waited for again.
    this.#untried = this.#deps.schedulers.filter((link) => !link.isUnavailable)
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
    this.#deps.authority.connect(link, heldPieces(live.stored))
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
        // A scheduler that came back knows better than the fallback did.
        this.#toSource = false
        this.#hadParents = true
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
    this.#deps.authority.disconnect()
    if (error.blame === 'source' || isDfError(error, 'NoSource')) this.#failure = error
    else if (
      session !== undefined &&
      isDfError(error, 'HostNotFound') &&
      this.#announcedTo !== session.link
    ) {
      this.#introduce(session.link)
    } else {
      session?.link.markUnavailable()
      if (this.#lostAt === undefined) {
        this.#deps.log.warn({ scheduler: session?.link.address, err: error }, 'scheduler lost')
      }
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
    this.#spread = random.next()
    this.#fallbackAt = now + (this.#hadParents ? timing.fallbackSpreadMs * this.#spread : 0)
    this.#announcedTo = undefined
  }

  #useSource(): void {
    if (this.#target.download.disableBackToSource) {
      this.#failure = noSource('No peer holds the content')
    } else this.#toSource = true
    this.#bell.ring()
  }

  #read(): void {
    this.#reading = true
    this.#readDone = this.#deps
      .readSource({ signal: this.#stop.signal, isWanted: () => this.#toSource })
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
    this.#parents.finished(record.number)
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

/** One for all: nobody looks where it was made. */
const downloadEnded = new DfError('PeerUnavailable', 'The download has ended.')

function noSource(why: string): DfError {
  return new DfError(
    'NoSource',
    `${why}, and going to the origin is disabled for this download. Allow it (without --disable-back-to-source) or bring the content into the swarm first.`,
  )
}

function overdue(address: string | undefined, timeoutMs: number): DfError {
  return new DfError(
    'SchedulerUnavailable',
    `The scheduler at ${address} gave no order within ${Math.round(timeoutMs / 1000)} s.`,
  )
}
