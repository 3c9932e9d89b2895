import type { Peer } from '@damselfly/api/common'
import { background, DfError, isDfError } from '@damselfly/core'
import type { PieceRecord } from '@damselfly/storage'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import type { MeshJob, MeshMembership } from '../mesh/mesh-job.ts'
import type { RefreshReason } from '../swarm/index.ts'
import { heldPieces } from './held-pieces.ts'
import { ParentFetch } from './parent-fetch.ts'
import { parentAddress } from './parent-session.ts'
import { PeerReporter } from './peer-reporter.ts'
import { SchedulerChoice } from './scheduler-choice.ts'
import { type SchedulerOrder, SchedulerSession } from './scheduler-session.ts'
import type { SwarmDeps, SwarmTarget } from './swarm-options.ts'
import { Wakeup } from './wakeup.ts'

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
  /** Dragonfly's, which are asked piece by piece. */
  readonly #parents: ParentFetch
  /** Our own. */
  readonly #mesh: MeshMembership
  readonly #bell = new Wakeup()
  readonly #stop = new AbortController()
  #session: SchedulerSession | undefined
  /** Of that session. */
  #reporter: PeerReporter | undefined
  #unfollow = (): void => {}
  readonly #choice: SchedulerChoice
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
  /** Why other parents are wanted although something is under way. */
  #wantsMore: RefreshReason | undefined
  #toSource = false
  #reading = false
  #readDone = Promise.resolve()
  #failure: DfError | undefined

  constructor(target: SwarmTarget, deps: SwarmDeps) {
    this.#target = target
    this.#deps = deps
    this.#reschedulePauseMs = deps.timing.rescheduleMs
    this.#choice = new SchedulerChoice(deps.schedulers, deps.clock)
    this.#parents = new ParentFetch(target, {
      ...deps,
      onChange: () => this.#bell.ring(),
      onPieceFailed: (piece, parent, error) => this.#onPieceFailed(piece, parent.id, error),
    })
    this.#mesh = deps.joinMesh(this.#meshJob())
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
      this.#reporter?.stop()
      this.#report((session) => session.finish(this.#toSource))
    } catch (error) {
      if (signal.aborted) this.#session?.abort()
      else this.#report((session) => session.fail(this.#toSource, DfError.from(error).message))
      throw error
    } finally {
      unlisten()
      trust()
      this.#stopFollowing()
      authority.close()
      this.#stop.abort(downloadEnded)
      await Promise.all([this.#parents.close(), this.#mesh.leave(), this.#readDone])
    }
  }

  /** Does what can be done now; returns how long nothing else needs doing, `undefined` = until the bell rings. */
  #step(): number | undefined {
    const { clock } = this.#deps
    this.#parents.pump()
    this.#bad.push(...this.#parents.takeDead().map((p) => p.address.wire))
    if (this.#toSource && !this.#reading && this.#parents.hasFree) this.#read()
    const now = clock.monotonic()
    const isBusy =
      this.#reading ||
      this.#parents.inFlight > 0 ||
      this.#mesh.inFlight() > 0 ||
      this.#parents.isAwaited
    if (isBusy) this.#idleSince = undefined
    else this.#idleSince ??= now
    if (this.#session === undefined) return Math.max(1, this.#whenLost(now, isBusy) - now)
    if (isBusy) this.#askForMore(now)
    return isBusy ? undefined : Math.max(1, this.#whenIdle(now) - now)
  }

  /** Connected, and no piece is on its way. Returns when to look again. */
  #whenIdle(now: number): number {
    const { timing } = this.#deps
    const hopeful = this.#isHopeful
    if (this.#owedSince !== undefined && (hopeful || this.#bad.length === 0)) {
      const overdueAt = this.#owedSince + timing.scheduleTimeoutMs
      if (now >= overdueAt)
        this.#onLost(overdue(this.#session?.link.address, timing.scheduleTimeoutMs), true)
      return overdueAt
    }
    const patience = hopeful ? timing.starvedMs : 0
    const askAt = Math.max((this.#idleSince ?? now) + patience, this.#rescheduleAt)
    if (now < askAt) return askAt
    this.#reschedule(now, hopeful ? 'no piece for a while' : 'no parent left')
    this.#owedSince = now
    return now + timing.scheduleTimeoutMs
  }

  /** Pieces still come, but from fewer parents than could be: asked once, and not waited for. */
  #askForMore(now: number): void {
    const reason = this.#wantsMore
    const link = this.#session?.link
    this.#wantsMore = undefined
    if (reason === undefined || link === undefined || now < this.#rescheduleAt) return
    const { peerId } = this.#target.identity
    const dropped = this.#bad.map(({ id }) => id)
    if (!this.#deps.follow(link).askParents({ peerId, dropped, reason })) {
      this.#reschedule(now, `${reason} parents`)
      return
    }
    this.#bad = []
    this.#pauseRescheduling(now)
  }

  #reschedule(now: number, why: string): void {
    this.#session?.reschedule(this.#bad.splice(0), why)
    this.#pauseRescheduling(now)
  }

  #pauseRescheduling(now: number): void {
    this.#rescheduleAt = now + this.#reschedulePauseMs
    this.#reschedulePauseMs = Math.min(
      this.#reschedulePauseMs * 2,
      this.#deps.timing.maxRescheduleMs,
    )
  }

  get #isHopeful(): boolean {
    return this.#parents.isHopeful || this.#mesh.isHopeful()
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
    if (!this.#isHopeful) return this.#fallbackAt
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
    this.#choice.begin()
    this.#connectNext()
  }

  #connectNext(): void {
    const link = this.#choice.next()
    if (link === undefined) this.#noSchedulerLeft()
    else this.#register(link)
  }

  #register(link: SchedulerLink): void {
    const { live, wanted, identity, download } = this.#target
    const session = new SchedulerSession(
      link,
      identity,
      {
        onOrder: (order) => {
          this.#choice.hasAnswered(link)
          this.#onOrder(order)
        },
        onLost: (error) => {
          if (this.#session === session) this.#onLost(error)
        },
      },
      this.#deps.clock,
    )
    this.#session = session
    this.#followOn(link)
    this.#owedSince = this.#deps.clock.monotonic()
    session.register(download)
    this.#deps.authority.connect(link, heldPieces(live.stored))
    for (let n = wanted.first; n < wanted.end; n++) {
      const record = live.stored.piece(n)
      if (record !== undefined) session.pieceFinished({ ...record, trafficType: 'local-peer' })
    }
  }

  /** From here on this scheduler is told of what arrives, and says how to exchange pieces. */
  #followOn(link: SchedulerLink): void {
    const { wanted, identity } = this.#target
    const { follow, uplink, clock } = this.#deps
    this.#stopFollowing()
    const following = follow(link)
    const received = () => this.#mesh.takeReport()
    const { peerId } = identity
    const peer = { peerId, wantedPieces: wanted.end - wanted.first }
    this.#reporter = new PeerReporter(peer, { following, received, uplink, clock })
    this.#unfollow = following.onParams(peerId, (params) => this.#mesh.setParams(params))
  }

  #stopFollowing(): void {
    this.#reporter?.stop()
    this.#unfollow()
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
        this.#mesh.meet(order.peers.map(parentAddress).filter((p) => p !== undefined))
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

  #onLost(error: DfError, isSilent = false): void {
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
      if (session !== undefined) this.#choice.lost(session.link, isSilent)
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

  /** What the exchange among our own tells this download. */
  #meshJob(): MeshJob {
    const { wanted, identity } = this.#target
    const ring = (): void => this.#bell.ring()
    return {
      wanted,
      peerId: identity.peerId,
      take: this.#deps,
      onCorrupt: this.#deps.onCorrupt,
      onPieceFailed: (piece, peerId, error) => this.#onPieceFailed(piece, peerId, error),
      onFailure: (error) => this.#fail(error),
      onLost: ({ wire }) => {
        this.#bad.push(wire)
        this.#wantMore('lost')
      },
      onForeign: (address) => {
        this.#parents.add([address])
        ring()
      },
      onRefresh: (reason) => this.#wantMore(reason),
      onChange: ring,
    }
  }

  #wantMore(reason: RefreshReason): void {
    // What is lost says more than what is slow.
    if (this.#wantsMore !== 'lost') this.#wantsMore = reason
    this.#bell.ring()
  }

  #fail(error: DfError): void {
    this.#failure ??= error
    this.#bell.ring()
  }

  /** What came from the origin concerns a lease, and is told piece by piece. */
  #tell(record: PieceRecord): void {
    const isReported =
      record.trafficType === 'remote-peer' && this.#reporter?.pieceFinished(record.number)
    if (isReported) return
    this.#session?.pieceFinished(record)
    this.#reporter?.bytesCame()
  }

  #onPieceFailed(piece: number, peerId: string, error: DfError): void {
    this.#reporter?.parentFailed(peerId)
    this.#session?.pieceFailed(piece, peerId, error.code !== 'PieceCorrupt')
  }

  #onPiece(record: PieceRecord): void {
    this.#parents.finished(record.number)
    const { first, end } = this.#target.wanted
    if (record.number >= first && record.number < end) this.#tell(record)
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
