import type { PieceDigest } from '@damselfly/api/swarm'
import {
  abortable,
  type Clock,
  type Deferred,
  type DfError,
  deferred,
  isDfError,
  Listeners,
  type Log,
  type TaskId,
} from '@damselfly/core'
import { openBidi } from '@damselfly/rpc'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import {
  AuthorityStream,
  type DigestsCall,
  type HeldRecord,
  type RecordedPiece,
} from './piece-authority-stream.ts'
import { AuthorityTable, type KnownDigests } from './piece-authority-table.ts'

export interface PieceAuthorityTarget {
  readonly taskId: TaskId
  readonly hostId: string
  /** Of the task. */
  readonly pieceCount: number
}

export interface PieceAuthorityDeps {
  readonly clock: Clock
  readonly log: Log
  /** Opens damselfly.v1.Swarm/PieceDigests; `openDigests`. */
  readonly openDigests: (link: SchedulerLink) => DigestsCall
}

export const openDigests = ({ swarm }: SchedulerLink): DigestsCall => openBidi(swarm.pieceDigests)

/** What has become of a record. */
export type RecordOutcome =
  /** The scheduler has taken it in: the pieces may be announced. */
  | 'accepted'
  /** Of some of the pieces the swarm holds another digest; `onContradiction` names them. */
  | 'contradicted'
  /** There is no authority, it went away, or it did not answer in time. */
  | 'unheard'

/** How long a record may wait to be accepted. */
const recordWaitMs = 2_000
/** How long a piece's digest may take to become known, before the sender's own claim has to do. */
const digestWaitMs = 1_000
/** So many pieces in a row that waited for nothing, and the next do not wait at all until the scheduler says something. */
const maxFruitlessWaits = 4

/**
 * What one download knows of its pieces' digests from the scheduler, which has them from whoever took each piece from the
 * origin. Without a scheduler, or with one that does not know this service, there is no authority and nobody waits.
 *
 * It lives as long as the download; its owner connects it when the download has registered with a scheduler, and again
 * after that one has been lost. Aborts are passed on; nothing else is thrown.
 */
export class PieceAuthority implements Disposable {
  readonly #target: PieceAuthorityTarget
  readonly #deps: PieceAuthorityDeps
  readonly #table: AuthorityTable
  readonly #contradictions = new Listeners<number>()
  /** Who waits for which piece. */
  readonly #waiting = new Map<number, Set<Deferred<void>>>()
  #stream: AuthorityStream | undefined
  #held: Iterator<HeldRecord> | undefined
  #fruitless = 0
  #isClosed = false

  constructor(target: PieceAuthorityTarget, deps: PieceAuthorityDeps) {
    this.#target = target
    this.#deps = deps
    this.#table = new AuthorityTable(target.pieceCount)
  }

  /** True while there is a scheduler to ask; it may yet turn out not to know the service. */
  get isConnected(): boolean {
    return this.#stream !== undefined
  }

  /**
   * Asks this scheduler from now on and tells it what is here: `held`, read bit by bit, and what has been recorded before.
   */
  connect(link: SchedulerLink, held: Iterable<HeldRecord> = []): void {
    this.disconnect()
    if (this.#isClosed) return
    this.#table.forgetTold()
    this.#fruitless = 0
    this.#held = chain(this.#table.owned(), held)
    const stream: AuthorityStream = new AuthorityStream(
      this.#deps.openDigests(link),
      this.#target,
      {
        onAccepted: (numbers) => {
          for (const number of numbers) this.#table.accepted(number)
        },
        onTold: (pieces) => this.#onTold(pieces),
        onIdle: (max) => this.#untold(max),
        onEnd: (error) => this.#onEnd(link, stream, error),
      },
      this.#deps.clock,
    )
    this.#stream = stream
  }

  /** There is no scheduler any more, or another will follow. What is known stays known; nobody waits for more. */
  disconnect(): void {
    const stream = this.#stream
    this.#stream = undefined
    this.#held?.return?.()
    this.#held = undefined
    stream?.close()
    this.#wakeAll()
  }

  /** For good. */
  close(): void {
    this.#isClosed = true
    this.disconnect()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * Tells the scheduler of pieces that are here; `fromOrigin` when this host took them from the origin. They are kept in mind
   * for a scheduler that comes later.
   */
  async record(pieces: readonly RecordedPiece[], fromOrigin: boolean): Promise<RecordOutcome> {
    const untold: RecordedPiece[] = []
    let isContradicted = false
    for (const piece of pieces.filter(({ number }) => this.#table.fits(number))) {
      const outcome = this.#table.own(piece.number, piece.digests, fromOrigin)
      if (outcome === 'untold') untold.push(piece)
      if (outcome !== 'contradiction') this.#wake(piece.number)
      else {
        isContradicted = true
        this.#contradictions.emit(piece.number)
      }
    }
    const stream = this.#stream
    if (stream === undefined) return isContradicted ? 'contradicted' : 'unheard'
    const isHeard = untold.length === 0 || (await this.#heard(stream.record(untold, fromOrigin)))
    if (isContradicted || untold.some(({ number }) => !this.#table.isOwn(number))) {
      return 'contradicted'
    }
    return isHeard ? 'accepted' : 'unheard'
  }

  /**
   * What the piece must hash to; `undefined` when there is no authority, or when it does not know the piece within a second.
   * Throws the signal's reason.
   */
  async expected(number: number, signal: AbortSignal): Promise<KnownDigests | undefined> {
    signal.throwIfAborted()
    const known = this.#table.get(number)
    if (known !== undefined || !this.#isWorthWaiting(number)) return known
    const arrival = deferred()
    const waiting = this.#waiting.get(number) ?? new Set()
    this.#waiting.set(number, waiting.add(arrival))
    const cancel = this.#deps.clock.schedule(digestWaitMs, () => {
      this.#fruitless += 1
      arrival.resolve()
    })
    try {
      await abortable(arrival.promise, signal)
      return this.#table.get(number)
    } catch (error) {
      // Who would not wait so long would not the next time either.
      this.#fruitless += 1
      throw error
    } finally {
      cancel()
      waiting.delete(arrival)
      if (waiting.size === 0 && this.#waiting.get(number) === waiting) this.#waiting.delete(number)
    }
  }

  /** Called with the number of each piece that is here and not what the swarm has agreed on. Returns how to stop that. */
  onContradiction(callback: (number: number) => void): () => void {
    return this.#contradictions.add(callback)
  }

  #isWorthWaiting(number: number): boolean {
    const isKnowable = this.#stream !== undefined && this.#table.fits(number)
    return isKnowable && this.#fruitless < maxFruitlessWaits
  }

  async #heard(accepted: Promise<boolean>): Promise<boolean> {
    const late = deferred<boolean>()
    const cancel = this.#deps.clock.schedule(recordWaitMs, () => late.resolve(false))
    try {
      return await Promise.race([accepted, late.promise])
    } finally {
      cancel()
    }
  }

  /** The next of what is here and the scheduler has not been told of. */
  #untold(max: number): HeldRecord[] {
    const pieces: HeldRecord[] = []
    while (pieces.length < max) {
      const next = this.#held?.next()
      if (next === undefined || next.done === true) break
      const { number, digests, fromOrigin } = next.value
      if (!this.#table.fits(number) || this.#table.wasSent(number)) continue
      const outcome = this.#table.own(number, digests, fromOrigin)
      if (outcome === 'untold') pieces.push(next.value)
      else if (outcome === 'contradiction') this.#contradictions.emit(number)
    }
    return pieces
  }

  #onTold(pieces: readonly PieceDigest[]): void {
    this.#fruitless = 0
    for (const { number, blake3, crc32 } of pieces) {
      const isStrong = blake3.byteLength === blake3Bytes
      if (!this.#table.fits(number) || (!isStrong && crc32 === undefined)) continue
      const isContradiction = this.#table.told(number, {
        ...(isStrong ? { blake3 } : {}),
        ...(crc32 === undefined ? {} : { crc32 }),
      })
      this.#wake(number)
      if (!isContradiction) continue
      this.#deps.log.warn(
        { taskId: this.#target.taskId, piece: number },
        'a piece is not what the swarm has agreed on',
      )
      this.#contradictions.emit(number)
    }
  }

  #onEnd(link: SchedulerLink, stream: AuthorityStream, error: DfError): void {
    if (this.#stream !== stream) return
    this.disconnect()
    const data = { scheduler: link.address, err: error }
    if (isDfError(error, 'Unimplemented')) {
      this.#deps.log.debug(data, 'scheduler knows no piece digests')
    } else this.#deps.log.info(data, 'stream of piece digests lost')
  }

  #wake(number: number): void {
    for (const arrival of this.#waiting.get(number) ?? []) arrival.resolve()
  }

  #wakeAll(): void {
    for (const number of this.#waiting.keys()) this.#wake(number)
  }
}

const blake3Bytes = 32

function* chain(own: Iterable<HeldRecord>, held: Iterable<HeldRecord>): Generator<HeldRecord> {
  yield* own
  yield* held
}
