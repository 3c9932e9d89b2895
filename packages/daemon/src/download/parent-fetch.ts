import {
  DfError,
  isAbort,
  type PieceGeometry,
  type PieceInterval,
  pieceSpan,
  type Random,
} from '@damselfly/core'
import type { LiveTask } from './live-task.ts'
import { type ParentAddress, ParentSession, type ParentSessionDeps } from './parent-session.ts'
import type { PeerBans } from './peer-bans.ts'
import { type ParentLoad, PieceChooser } from './piece-chooser.ts'
import { type TakePieceDeps, takePiece } from './take-piece.ts'

export interface ParentFetchDeps extends Omit<ParentSessionDeps, 'onAnnounced'>, TakePieceDeps {
  readonly bans: PeerBans
  /** A piece that was not what it should be. */
  readonly onCorrupt: () => void
  readonly random: Random
  /** A piece could not be had from this parent. */
  readonly onPieceFailed: (piece: number, parent: ParentSession, error: DfError) => void
}

/**
 * Fetches wanted pieces from a changing set of parents, a bounded number at a time. `pump` starts whatever can be started;
 * the owner calls it whenever something changed. A piece that fails goes back to the pool, its parent is judged.
 */
export class ParentFetch {
  readonly #parents = new Map<string, ParentSession>()
  /** Also those that have been replaced or forgotten; their last pieces may still be under way. */
  readonly #sessions = new Set<ParentSession>()
  readonly #live: LiveTask
  readonly #geometry: PieceGeometry
  readonly #wanted: PieceInterval
  readonly #limit: number
  readonly #deps: ParentFetchDeps
  readonly #sessionDeps: ParentSessionDeps
  readonly #chooser = new PieceChooser<ParentSession>()
  readonly #running = new Set<Promise<void>>()
  #inFlight = 0
  /** An error of our own disk or the like; the download cannot go on. */
  #failure: DfError | undefined

  constructor(
    target: { live: LiveTask; geometry: PieceGeometry; wanted: PieceInterval; concurrency: number },
    deps: ParentFetchDeps,
  ) {
    this.#live = target.live
    this.#geometry = target.geometry
    this.#wanted = target.wanted
    this.#limit = target.concurrency
    this.#deps = deps
    const onAnnounced = (parent: ParentSession, piece: number): void => {
      if (this.#isWanted(piece) && this.#parents.get(parent.id) === parent) {
        this.#chooser.announced(parent, piece)
      }
    }
    this.#sessionDeps = { ...deps, onAnnounced }
    for (const piece of this.#missing()) this.released(piece)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get failure(): DfError | undefined {
    return this.#failure
  }

  /** Some parent may still announce something, or has announced a piece that is missing. */
  get isHopeful(): boolean {
    return this.#alive().some((p) => !p.ended || this.#chooser.offers(p) || this.#isFetched(p))
  }

  /** A piece is missing that nobody fetches. */
  get hasFree(): boolean {
    for (const piece of this.#chooser.free) if (!this.#live.isClaimed(piece)) return true
    return false
  }

  /** A wanted piece is being fetched, by whomever. */
  get isAwaited(): boolean {
    for (const piece of this.#live.claimed) if (this.#isWanted(piece)) return true
    return false
  }

  /** To be told of each piece of the task that is free again. */
  released(piece: number): void {
    if (this.#isWanted(piece) && !this.#live.has(piece)) this.#chooser.release(piece)
  }

  /** To be told of each piece of the task that is here. */
  finished(piece: number): void {
    this.#chooser.take(piece)
  }

  /** Takes in parents; one that is known and still talks stays as it is, another gets a new session. */
  add(addresses: readonly ParentAddress[]): void {
    for (const address of addresses) {
      const known = this.#parents.get(address.peerId)
      if (known !== undefined && known.dead === undefined && !known.ended) continue
      const session = new ParentSession(address, this.#sessionDeps)
      if (known !== undefined) this.#chooser.forget(known)
      this.#parents.set(address.peerId, session)
      this.#sessions.add(session)
      if (this.#deps.bans.isBanned(address.hostId)) {
        const why = `Host ${address.hostId} has sent wrong bytes and is not asked for a while.`
        session.kill(new DfError('PieceCorrupt', why))
      }
      this.#track(session.run(this.#live.taskId, this.#missing()))
    }
  }

  /** Forgets the parents that have died since the last call and returns them. */
  takeDead(): ParentSession[] {
    const dead = [...this.#parents.values()].filter((p) => p.dead !== undefined)
    for (const p of dead) {
      this.#parents.delete(p.id)
      this.#chooser.forget(p)
    }
    return dead
  }

  /** Starts as many fetches as the limits and the parents' announcements allow. */
  pump(): void {
    for (const p of this.#parents.values()) if (p.dead !== undefined) this.#chooser.forget(p)
    while (this.#inFlight < this.#limit && this.#failure === undefined) {
      const choice = this.#chooser.choose((parent) => this.#loadOf(parent), this.#deps.random)
      if (choice === undefined) return
      const { piece, parent } = choice
      this.#chooser.take(piece)
      // Another job may be fetching it; it tells when it gives up.
      if (this.#live.claim(piece)) this.#track(this.#fetch(piece, parent))
    }
  }

  /** Ends every session and waits until nothing runs any more. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.close()
    await Promise.all(this.#running)
  }

  async #fetch(piece: number, parent: ParentSession): Promise<void> {
    this.#inFlight += 1
    parent.inFlight += 1
    try {
      const { length } = pieceSpan(this.#geometry, piece)
      const order = { live: this.#live, piece, length, from: parent.id, peer: () => parent.peer() }
      const record = await takePiece(order, this.#deps, parent.signal)
      parent.pieceArrived()
      this.#live.finished(record)
    } catch (error) {
      this.#live.unclaim(piece)
      this.#judge(piece, parent, error)
    } finally {
      this.#inFlight -= 1
      parent.inFlight -= 1
      this.#deps.onChange()
    }
  }

  #judge(piece: number, parent: ParentSession, thrown: unknown): void {
    if (isAbort(thrown, parent.signal)) return
    const error = DfError.from(thrown)
    // A lack of sockets passes; a full disk does not.
    if (error.blame !== 'peer' && !error.retryable) {
      this.#failure ??= error
      return
    }
    if (error.code === 'PieceCorrupt') {
      this.#deps.bans.blame(parent.address.hostId)
      this.#deps.onCorrupt()
      this.#deps.log.warn({ parent: parent.id, piece, err: error }, 'a parent sent wrong bytes')
    }
    parent.pieceFailed(error)
    this.#deps.onPieceFailed(piece, parent, error)
  }

  #loadOf({ inFlight, isPaused, address }: ParentSession): ParentLoad {
    const slots = isPaused ? 0 : Math.max(1, Math.ceil(this.#limit / 2))
    return { inFlight, slots, isSeed: address.isSeed }
  }

  #isWanted(piece: number): boolean {
    return piece >= this.#wanted.first && piece < this.#wanted.end
  }

  /** A piece of this parent is being fetched, by whomever. */
  #isFetched({ pieces }: ParentSession): boolean {
    for (const piece of this.#live.claimed) if (pieces.has(piece)) return true
    return false
  }

  #alive(): ParentSession[] {
    return [...this.#parents.values()].filter((p) => p.dead === undefined)
  }

  #missing(): number[] {
    const pieces: number[] = []
    for (let n = this.#wanted.first; n < this.#wanted.end; n++) {
      if (!this.#live.has(n)) pieces.push(n)
    }
    return pieces
  }

  #track(work: Promise<void>): void {
    this.#running.add(work)
    work.finally(() => this.#running.delete(work)).catch(() => {})
  }
}
