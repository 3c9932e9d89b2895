import { DfError, isAbort, type PieceGeometry, pieceSpan } from '@damselfly/core'
import type { PieceRecord } from '@damselfly/storage'
import type { LiveTask } from '../download/live-task.ts'
import { takePiece } from '../download/take-piece.ts'
import {
  type Exchange,
  type FailureKind,
  originSlot,
  type ReceivedBytes,
  type Slot,
} from '../swarm/index.ts'
import type { MeshDeps, MeshJob } from './mesh-job.ts'
import type { Neighbour } from './neighbour.ts'

/** One piece on its way from a neighbour. */
export interface Take {
  readonly neighbour: Neighbour
  readonly slot: Slot
  readonly piece: number
  readonly job: MeshJob
  /** Somebody else was asked for it before and is late. */
  readonly isHedge: boolean
  readonly controller: AbortController
  /** Never rejects. */
  readonly done: Promise<void>
}

export interface TakesTarget {
  readonly live: LiveTask
  readonly geometry: PieceGeometry
  readonly exchange: Exchange
  /** Does what the exchange has decided. */
  readonly act: () => void
}

export type TakesDeps = Pick<MeshDeps, 'bans' | 'clock' | 'metrics'>

/** One for all: nobody looks where it was made. */
const cancelled = new DfError('PeerUnavailable', 'The piece is not wanted from there any more.')

/**
 * Fetches the pieces that the exchange asks for. A late piece comes from two neighbours at once: the first whole copy counts, the
 * other fetch is cancelled. A piece that was given up here and is asked of somebody else waits until the first fetch has let go.
 */
export class Takes {
  readonly #target: TakesTarget
  readonly #deps: TakesDeps
  readonly #takes = new Set<Take>()
  /** Of the exchange, as counted last. */
  #wastedBytes = 0

  constructor(target: TakesTarget, deps: TakesDeps) {
    this.#target = target
    this.#deps = deps
  }

  /** The piece is being fetched from a neighbour, or a fetch of it is ending. */
  has(piece: number): boolean {
    for (const take of this.#takes) if (take.piece === piece) return true
    return false
  }

  of(job: MeshJob): Take[] {
    return [...this.#takes].filter((take) => take.job === job)
  }

  begin(order: Pick<Take, 'neighbour' | 'piece' | 'job' | 'isHedge'>): void {
    const { neighbour, piece } = order
    const { slot, link } = neighbour
    if (slot === undefined) return
    const before = [...this.#takes].filter((take) => take.piece === piece)
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const take = { ...order, slot, controller: new AbortController(), done }
    this.#takes.add(take)
    // What was here before keeps the claim until it has let go.
    if (before.length === 0 && !this.#target.live.claim(piece)) {
      this.#takes.delete(take)
      neighbour.decline('nothing')
      this.#target.exchange.pieceFailed(slot, piece, 'declined', this.#deps.clock.monotonic())
      return
    }
    link.post({ message: { case: 'taking', value: { piece } } })
    void this.#run(take, before).finally(resolve)
  }

  cancel(slot: Slot, piece: number): void {
    for (const take of this.#takes) {
      if (take.slot === slot && take.piece === piece) take.controller.abort(cancelled)
    }
  }

  async #run(take: Take, before: readonly Take[]): Promise<void> {
    const { neighbour } = take
    let outcome: PieceRecord | Error
    try {
      if (!isRace(take, before)) await ended(before)
      outcome = await this.#fetch(take, before)
    } catch (error) {
      outcome = error instanceof Error ? error : DfError.from(error)
    }
    this.#takes.delete(take)
    if (outcome instanceof Error) this.#failed(take, outcome)
    else this.#arrived(take, outcome)
    const isWhole = !(outcome instanceof Error)
    this.#count(take, isWhole)
    neighbour.link.post({ message: { case: 'ended', value: { isWhole } } })
    this.#target.act()
    take.job.onChange()
  }

  #count({ neighbour, piece, isHedge }: Take, isWhole: boolean): void {
    const { bytes, hedges, wastedBytes } = this.#deps.metrics
    const { exchange, geometry } = this.#target
    const { isSeed, isNear } = neighbour
    const from: keyof ReceivedBytes = isSeed ? 'seed' : isNear ? 'near' : 'far'
    if (isWhole) bytes.inc({ class: from }, pieceSpan(geometry, piece).length)
    if (isHedge) hedges.inc({ won: isWhole ? 'yes' : 'no' })
    wastedBytes.inc(exchange.wastedBytes - this.#wastedBytes)
    this.#wastedBytes = exchange.wastedBytes
  }

  #fetch(take: Take, before: readonly Take[]): Promise<PieceRecord> {
    const { piece, neighbour, job, controller } = take
    const { live, geometry } = this.#target
    const { length } = pieceSpan(geometry, piece)
    const order = { live, piece, length, from: neighbour.peerId, peer: () => neighbour.peer() }
    const claim = isRace(take, before) ? { claim: () => this.#win(take, before) } : {}
    controller.signal.throwIfAborted()
    return takePiece({ ...order, ...claim }, job.take, controller.signal)
  }

  /** The second copy is here first: the place in the store becomes free for it. */
  async #win({ piece, controller }: Take, before: readonly Take[]): Promise<void> {
    const { live, exchange } = this.#target
    for (const other of before) other.controller.abort(cancelled)
    await ended(before)
    // The other one was not to be stopped any more.
    if (live.has(piece)) controller.abort(cancelled)
    const now = this.#deps.clock.monotonic()
    for (const { slot, neighbour } of before) {
      if (neighbour.slot === slot && !neighbour.link.isOver) {
        exchange.pieceFailed(slot, piece, 'busy', now)
      }
    }
  }

  #arrived({ slot, piece, neighbour }: Take, record: PieceRecord): void {
    const { live, exchange } = this.#target
    const from = neighbour.slot === slot && !neighbour.link.isOver ? slot : originSlot
    exchange.pieceArrived(from, piece, this.#deps.clock.monotonic())
    live.finished(record)
  }

  #failed(take: Take, thrown: Error): void {
    const { live, exchange } = this.#target
    const { slot, piece, neighbour, controller } = take
    if (!isAbort(thrown, controller.signal) && !neighbour.link.isOver) {
      const kind = this.#judge(take, DfError.from(thrown))
      exchange.pieceFailed(slot, piece, kind, this.#deps.clock.monotonic())
    }
    if (!this.has(piece)) live.unclaim(piece)
  }

  #judge({ piece, neighbour, job }: Take, error: DfError): FailureKind {
    // A lack of sockets passes; a full disk does not.
    if (error.blame !== 'peer' && !error.retryable) job.onFailure(error)
    if (error.code === 'Overloaded' || error.blame !== 'peer') return 'busy'
    job.onPieceFailed(piece, neighbour.peerId, error)
    neighbour.forgetOffer()
    if (error.code === 'PieceNotFound') {
      neighbour.wasWrong = true
      return 'missing'
    }
    if (error.code !== 'PieceCorrupt') return 'broken'
    this.#deps.bans.blame(neighbour.hostId)
    job.onCorrupt()
    job.take.log.warn({ parent: neighbour.peerId, piece, err: error }, 'a parent sent wrong bytes')
    return 'corrupt'
  }
}

/** Whoever was asked before still brings the piece. */
const isRace = ({ isHedge }: Take, before: readonly Take[]): boolean =>
  isHedge && before.some(({ controller }) => !controller.signal.aborted)

const ended = async (takes: readonly Take[]): Promise<void> => {
  await Promise.all(takes.map(({ done }) => done))
}
