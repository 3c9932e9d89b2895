import type { Clock, DfError } from '@damselfly/core'
import { AnswerIntake, type IntakeOwner } from './answer-intake.ts'
import { type DialDeps, type Dialling, dataEndpoint, dial } from './dial.ts'
import { watchIdle } from './idle-watch.ts'
import { peerUnavailable, socketError } from './peer-errors.ts'
import type { PeerAddress } from './piece.ts'
import type { ExchangeHolder, PieceExchange } from './piece-exchange.ts'

export interface PieceTimeouts {
  /** How long the connection may take to be established. */
  readonly connectMs: number
  /** How long the peer may send nothing while it owes an answer; time spent waiting for the sink does not count. */
  readonly idleMs: number
}

export interface PieceLinkDeps extends DialDeps {
  readonly clock: Clock
  readonly timeouts: PieceTimeouts
  /**
   * Where the socket's bytes arrive. One for all connections of a thread: what arrived is dealt with, or copied, before
   * the next read.
   */
  readonly readBuffer: Uint8Array
}

export interface PieceLinkOwner {
  /** The connection broke before this exchange's turn. */
  move(exchange: PieceExchange): void
  /** The connection can take more. */
  freed(link: PieceLink): void
  gone(link: PieceLink): void
}

type LinkState =
  | { readonly kind: 'connecting'; readonly cancelTimer: () => void }
  | { readonly kind: 'open'; readonly watch: Disposable }
  | { readonly kind: 'closed' }

/** Which exchanges get another chance when a connection ends: none, those behind the first, or all that have no byte. */
type Survivors = 'none' | 'behind' | 'untouched'

/**
 * One connection to a peer: `connecting -> open -> closed`. Requests go out as they come, answers come back in their order;
 * without `keepAlive` there is exactly one.
 */
export class PieceLink implements ExchangeHolder, IntakeOwner {
  readonly #peer: PeerAddress
  readonly #owner: PieceLinkOwner
  readonly #deps: PieceLinkDeps
  readonly #isKept: boolean
  readonly #exchanges: PieceExchange[] = []
  readonly #intake: AnswerIntake = new AnswerIntake(this)
  #state: LinkState = { kind: 'closed' }
  #dialling: Dialling | undefined
  /** How many of the exchanges have been asked for. */
  #sent = 0
  #isFlushing = false
  /** Answers that have come as a whole. */
  #answered = 0
  /** When the last exchange ended. */
  idleSinceMs: number

  constructor(peer: PeerAddress, owner: PieceLinkOwner, deps: PieceLinkDeps) {
    this.#peer = peer
    this.#owner = owner
    this.#deps = deps
    this.#isKept = peer.features?.keepAlive === true
    this.idleSinceMs = deps.clock.monotonic()
  }

  /** Exchanges under way. */
  get load(): number {
    return this.#exchanges.length
  }

  /** Content of the pieces under way. */
  get expectedBytes(): number {
    return this.#exchanges.reduce((sum, { fetch }) => sum + fetch.expectedLength, 0)
  }

  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  get receivedBytes(): number {
    return this.#intake.receivedBytes
  }

  get first(): PieceExchange | undefined {
    return this.#exchanges[0]
  }

  /** Starts connecting for a first exchange. */
  open(first: PieceExchange): void {
    const { clock, timeouts } = this.#deps
    first.holder = this
    this.#exchanges.push(first)
    const late = (): void => {
      this.#break(this.#unavailable(`was not established within ${timeouts.connectMs} ms`), 'none')
    }
    this.#state = { kind: 'connecting', cancelTimer: clock.schedule(timeouts.connectMs, late) }
    try {
      this.#connect()
    } catch (error) {
      // An address that cannot exist (port 70000) is thrown, not emitted; peers tell us addresses.
      this.#break(socketError(dataEndpoint(this.#peer), error), 'none')
    }
  }

  /** Asks for a further piece. */
  ask(exchange: PieceExchange): void {
    exchange.holder = this
    this.#exchanges.push(exchange)
    if (this.#state.kind === 'open') this.#flushSoon()
  }

  leave(exchange: PieceExchange): void {
    const at = this.#exchanges.indexOf(exchange)
    if (at < 0) return
    if (at >= this.#sent && this.#isKept) {
      this.#exchanges.splice(at, 1)
      this.#owner.freed(this)
    } else if (at === 0) {
      // The rest of its answer would be in the way of all others.
      this.close()
    }
  }

  /** Ends the connection; what has no answer yet is moved. */
  close(): void {
    this.#break(undefined, 'untouched')
  }

  #connect(): void {
    const isSecure = this.#peer.features?.tls !== undefined
    const { readBuffer } = this.#deps
    const onread = isSecure ? this.#intake.gathering() : this.#intake.sharing(readBuffer)
    const dialling = dial(this.#peer, onread, this.#deps)
    this.#dialling = dialling
    const { socket, readyEvent } = dialling
    socket.once(readyEvent, () => this.#onReady(dialling))
    socket.on('error', (error) => {
      this.#lost(socketError(dataEndpoint(this.#peer), error))
    })
    const onClosed = (): void => {
      this.#lost(this.#unavailable(`was closed ${this.first?.reader.progress ?? 'while idle'}`))
    }
    socket.on('end', onClosed)
    socket.on('close', onClosed)
  }

  #onReady({ check }: Dialling): void {
    const { clock, timeouts } = this.#deps
    if (this.#state.kind !== 'connecting') return
    this.#state.cancelTimer()
    const watch = watchIdle(clock, {
      idleMs: timeouts.idleMs,
      progress: () => (this.#intake.isPaused || this.load === 0 ? undefined : this.receivedBytes),
      onIdle: () => {
        this.#break(this.#unavailable(`was silent for ${timeouts.idleMs} ms`), 'behind')
      },
    })
    this.#state = { kind: 'open', watch }
    try {
      check()
      this.#flush()
    } catch (error) {
      this.#break(error, 'none')
    }
  }

  /** Requests that come together leave together: an idle connection waits for the end of this turn, a busy one for the next. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const flush = (): void => {
      this.#isFlushing = false
      if (this.#state.kind === 'open') this.#flush()
    }
    if (this.#sent === 0) queueMicrotask(flush)
    else setImmediate(flush)
  }

  #flush(): void {
    const frames = this.#exchanges.slice(this.#sent).map((exchange) => exchange.frame)
    const [first] = frames
    if (first === undefined) return
    this.#sent = this.#exchanges.length
    this.#dialling?.socket.write(frames.length === 1 ? first : Buffer.concat(frames))
  }

  advance(exchange: PieceExchange): void {
    // Its sink has failed, or it was aborted meanwhile.
    if (exchange.isOver) this.close()
    const { answer } = exchange.reader
    if (answer === undefined || exchange.isOver) return
    this.#answered += 1
    if (!this.isClosed) {
      this.#exchanges.shift()
      this.#sent -= 1
      this.idleSinceMs = this.#deps.clock.monotonic()
      // Who waits for the piece finds the connection gone, or free.
      if (!this.#isKept || this.first?.isOver === true) this.close()
      else this.#owner.freed(this)
    }
    exchange.end(answer)
  }

  surplus(): void {
    // Dragonfly's child ignores what follows the piece. Here, the next answer would be misunderstood.
    this.close()
  }

  broken(error: unknown): void {
    this.#break(error, 'behind')
  }

  resume(): void {
    this.#dialling?.socket.resume()
  }

  #lost(error: DfError): void {
    if (this.#state.kind === 'connecting') this.#break(error, 'none')
    else this.#break(error, this.#answered > 0 ? 'untouched' : 'behind')
  }

  /** Without an error it was us who ended it, for no fault of the peer. */
  #break(error: unknown, survivors: Survivors): void {
    const state = this.#state
    if (state.kind === 'closed') return
    if (state.kind === 'connecting') state.cancelTimer()
    else state.watch[Symbol.dispose]()
    this.#state = { kind: 'closed' }
    this.#dialling?.socket.destroy()
    const left = this.#exchanges.splice(0)
    for (const [at, exchange] of left.entries()) {
      const { reader } = exchange
      // With everything received, what becomes of the connection is of no interest.
      if (exchange.isOver || reader.answer !== undefined) continue
      const mayMove = survivors === 'untouched' || (survivors === 'behind' && at > 0)
      if (mayMove && !reader.hasBegun && this.#canMove(exchange, error)) this.#owner.move(exchange)
      else exchange.end({ error: error ?? this.#unavailable('was given up') })
    }
    this.#intake.clear()
    this.#owner.gone(this)
  }

  /** Of peers that break connections, one is forgiven. */
  #canMove(exchange: PieceExchange, error: unknown): boolean {
    if (!this.#isKept) return false
    if (error === undefined) return true
    exchange.breaks += 1
    return exchange.breaks === 1
  }

  #unavailable(what: string): DfError {
    return peerUnavailable(dataEndpoint(this.#peer), what)
  }
}
