import type { CancelTimer, Clock } from '@damselfly/core'
import type { Report, SchedulerFollowing } from '../announce/scheduler-following.ts'

/** What came since the last report, and from whom. */
export interface ReceivedReport {
  readonly rate: number
  readonly bytes: {
    readonly origin: number
    readonly seed: number
    readonly near: number
    readonly far: number
  }
  /** Peer ids of slow neighbours. */
  readonly slow: readonly string[]
}

export interface PeerReporterDeps {
  readonly following: Pick<SchedulerFollowing, 'isOpen' | 'report'>
  readonly received: () => ReceivedReport
  /** Bytes per second that this host can send; 0 when unknown. */
  readonly uplink: () => number
  readonly clock: Clock
}

const everyMs = 1_000
/** So few pieces are told at once: somebody may wait for them. */
const fewPieces = 16

/**
 * Tells the scheduler about once per second which pieces a download has got, in place of a message for each piece; at once of the
 * first piece, of half of them, and when there are few anyhow.
 */
export class PeerReporter {
  readonly #peer: { readonly peerId: string; readonly wantedPieces: number }
  readonly #deps: PeerReporterDeps
  #pieces: number[] = []
  #failed = new Set<string>()
  #finished = 0
  #cancel: CancelTimer | undefined

  constructor(
    peer: { readonly peerId: string; readonly wantedPieces: number },
    deps: PeerReporterDeps,
  ) {
    this.#peer = peer
    this.#deps = deps
  }

  /** False when nobody takes reports: then the piece has to be told in another way. */
  pieceFinished(piece: number): boolean {
    if (!this.#deps.following.isOpen) return false
    this.#pieces.push(piece)
    this.#finished += 1
    const { wantedPieces } = this.#peer
    const isHalf = this.#finished === Math.ceil(wantedPieces / 2)
    if (this.#finished === 1 || isHalf || wantedPieces <= fewPieces) this.#flush()
    else this.#cancel ??= this.#deps.clock.schedule(everyMs, () => this.#flush())
    return true
  }

  /** A piece came that is told in another way; its bytes are for the next report. */
  bytesCame(): void {
    if (!this.#deps.following.isOpen) return
    this.#cancel ??= this.#deps.clock.schedule(everyMs, () => this.#flush())
  }

  parentFailed(peerId: string): void {
    this.#failed.add(peerId)
  }

  /** Tells what has not been told; the end of the download is told in another way. */
  stop(): void {
    if (this.#cancel !== undefined && this.#deps.following.isOpen) this.#flush()
    this.#cancelFlush()
  }

  #cancelFlush(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #flush(): void {
    this.#cancelFlush()
    const { rate, bytes, slow } = this.#deps.received()
    const report: Report = {
      peerId: this.#peer.peerId,
      pieces: this.#pieces,
      rate: whole(rate),
      originBytes: whole(bytes.origin),
      seedBytes: whole(bytes.seed),
      nearBytes: whole(bytes.near),
      farBytes: whole(bytes.far),
      failedParents: [...this.#failed],
      slowParents: [...slow],
      uplink: whole(this.#deps.uplink()),
    }
    this.#pieces = []
    this.#failed = new Set()
    this.#deps.following.report(report)
  }
}

const whole = (amount: number): bigint => BigInt(Math.max(0, Math.round(amount)))
