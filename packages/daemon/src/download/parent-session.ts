import type { Peer } from '@damselfly/api/common'
import { DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { type Clock, DfError, type Endpoint, isAbort, type Log, type TaskId } from '@damselfly/core'
import type { ChannelPool } from '@damselfly/rpc'
import type { PeerAddress, PeerFeatures } from '@damselfly/transport'

/** A peer that the scheduler named as a parent, reduced to what a child needs. */
export interface ParentAddress {
  readonly peerId: string
  readonly hostId: string
  readonly isSeed: boolean
  /** Its gRPC address. */
  readonly control: { readonly host: string; readonly port: number }
  /** The message as it came, to be echoed in a reschedule (interop.md 2.5). */
  readonly wire: Peer
}

/** Reads a candidate parent; one without a usable address (trap T7) is `undefined`. */
export function parentAddress(peer: Peer): ParentAddress | undefined {
  const { host } = peer
  if (host === undefined || host.ip === '' || host.port <= 0) return undefined
  const control = { host: host.ip, port: host.port }
  return { peerId: peer.id, hostId: host.id, isSeed: host.type !== 0, control, wire: peer }
}

export interface ParentSessionDeps {
  readonly channels: ChannelPool
  /** How a host's pieces can be fetched; `undefined` as from Dragonfly's. */
  readonly describe: (
    control: ParentAddress['control'],
    signal: AbortSignal,
  ) => Promise<PeerFeatures | undefined>
  /** What the host said does not hold any more: the next `describe` asks it anew. */
  readonly forgetOffer: (control: ParentAddress['control']) => void
  readonly hostId: string
  readonly clock: Clock
  readonly log: Log
  /** Something about the parent changed. */
  readonly onChange: () => void
  /** The parent has this piece. */
  readonly onAnnounced: (parent: ParentSession, piece: number) => void
}

/** Times in a row that pieces may fail before a parent is given up. */
const maxFailures = 2
/** After a failure nothing is asked for that long; pieces that fail together in this time are one failure. */
const pauseMs = 300

/** One for all: nobody looks where it was made. */
const sessionEnded = new DfError('PeerUnavailable', 'The session with the parent has ended.')

/**
 * One parent during one download: which of the wanted pieces it has told us of, where to fetch them, and whether it is
 * still worth asking. `SyncPieces` runs until the parent has told everything, or breaks.
 */
export class ParentSession {
  readonly address: ParentAddress
  readonly pieces = new Set<number>()
  inFlight = 0
  #data: Endpoint | undefined
  #features: Promise<PeerFeatures | undefined> | undefined
  #failures = 0
  #isPaused = false
  #dead: DfError | undefined
  #ended = false
  readonly #controller = new AbortController()
  readonly #deps: ParentSessionDeps

  constructor(address: ParentAddress, deps: ParentSessionDeps) {
    this.address = address
    this.#deps = deps
  }

  get id(): string {
    return this.address.peerId
  }

  /** Its piece server, which is known with the first piece. Errors: `PeerProtocol`, `PeerUnavailable`, those of `describe`. */
  async peer(): Promise<PeerAddress> {
    const endpoint = this.#data
    if (endpoint === undefined) {
      throw new DfError('PeerProtocol', `Parent ${this.id} announced no address to fetch from.`)
    }
    try {
      return { endpoint, features: await this.#features }
    } catch (cause) {
      if (isAbort(cause, this.signal)) throw cause
      const { message } = DfError.from(cause)
      throw new DfError(
        'PeerUnavailable',
        `Parent ${this.id} does not say how to fetch: ${message}`,
        {
          cause,
        },
      )
    }
  }

  /** Why nothing more is asked of it; `undefined` while it is good. */
  get dead(): DfError | undefined {
    return this.#dead
  }

  /** It has told all it will tell; only pieces already announced can still be had. */
  get ended(): boolean {
    return this.#ended
  }

  /** Aborts with the session. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Listens to the parent's announcements until it has none left, dies or is closed. Never throws. */
  async run(taskId: TaskId, interested: readonly number[]): Promise<void> {
    const wanted = new Set(interested)
    try {
      using lease = this.#deps.channels.acquire(this.address.control)
      // Asked beside the first announcements.
      this.#askOffer()
      const request = {
        hostId: this.#deps.hostId,
        taskId,
        interestedPieceNumbers: [...interested],
      }
      const client = lease.channel.client(DfdaemonUpload)
      for await (const piece of client.syncPieces(request, { signal: this.signal })) {
        // Without a TCP port there is nothing to fetch from: QUIC is not spoken here (interop.md 3.1).
        if (piece.ip === '' || piece.tcpPort === undefined) continue
        if (!wanted.has(piece.number)) continue
        this.#data = { host: piece.ip, port: piece.tcpPort }
        this.pieces.add(piece.number)
        this.#deps.onAnnounced(this, piece.number)
        this.#deps.onChange()
      }
    } catch (error) {
      if (!isAbort(error, this.signal)) this.kill(DfError.from(error, 'PeerUnavailable'))
    }
    this.#ended = true
    this.#deps.onChange()
  }

  /** It failed just now; the next try is a little later. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Counts a failure; a corrupt piece, or too many failures in a row, end the session. Who is overloaded only gets a rest. */
  pieceFailed(error: DfError): void {
    if (error.code === 'PieceCorrupt') this.kill(error)
    if (this.#isPaused || this.#dead !== undefined) return
    if (error.code !== 'Overloaded') this.#failures += 1
    if (this.#failures >= maxFailures) {
      this.kill(error)
      return
    }
    // It may have been started again, with other ports and another certificate.
    this.#deps.forgetOffer(this.address.control)
    this.#askOffer()
    this.#isPaused = true
    this.#deps.clock.schedule(pauseMs, () => {
      this.#isPaused = false
      this.#deps.onChange()
    })
  }

  pieceArrived(): void {
    this.#failures = 0
  }

  #askOffer(): void {
    this.#features = this.#deps.describe(this.address.control, this.signal)
    this.#features.catch(() => {})
  }

  kill(reason: DfError): void {
    this.#deps.log.debug({ parent: this.id, err: reason }, 'parent given up')
    this.#dead ??= reason
    this.close()
  }

  close(): void {
    this.#controller.abort(sessionEnded)
  }
}
