import type { Socket } from 'node:net'
import { type Clock, DfError, type Endpoint, type Network } from '@damselfly/core'
import { decodeError, decodeFrameHeader, decodePieceContent, frameHeaderBytes } from './codec.ts'
import { watchIdle } from './idle-watch.ts'
import { answeredError, endpointText, peerUnavailable, socketError } from './peer-errors.ts'
import type { PieceHeader, PieceSink, TaskFamily } from './piece.ts'
import { ReceiveRing } from './receive-ring.ts'

export interface PieceFetch {
  readonly endpoint: Endpoint
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
  /** Length of the piece as the geometry says (trap T10: the peers never exchange it). */
  readonly expectedLength: number
  readonly sink: PieceSink
  readonly signal?: AbortSignal | undefined
}

export interface PieceTimeouts {
  /** How long the connection may take to be established. */
  readonly connectMs: number
  /** How long the peer may send nothing; time spent waiting for the sink does not count. */
  readonly idleMs: number
}

export interface PieceReceptionDeps {
  readonly network: Network
  readonly clock: Clock
  readonly timeouts: PieceTimeouts
}

type Outcome = { readonly header: PieceHeader } | { readonly error: unknown }

/** Where the socket puts bytes that nobody wants any more. */
const wasteland = new Uint8Array(1)

/**
 * Receives one piece: bytes go from the socket straight into a ring (`onread`: no allocation, no event per chunk)
 * and from there into the sink. While the sink writes, the socket fills the rest of the ring; when that is full
 * the socket pauses, the kernel's buffer fills up and TCP tells the sender to wait.
 */
export class PieceReception {
  readonly #fetch: PieceFetch
  readonly #deps: PieceReceptionDeps
  readonly #ring: ReceiveRing
  /** The sink is handed no less than this at once, the end excepted: its writes have a cost each. */
  readonly #worthwhileBytes: number
  readonly #settled = Promise.withResolvers<PieceHeader>()
  #socket: Socket | undefined
  #cancelConnectTimer = (): void => {}
  #idleWatch: Disposable | undefined
  #header: PieceHeader | undefined
  /** Bytes of content that have not arrived yet. */
  #missing: number
  /** Bytes of any kind that have arrived. */
  #received = 0
  #paused = false
  #writing = false
  #outcome: Outcome | undefined

  /** The buffer belongs to the reception until the promise of `run` has settled. */
  constructor(fetch: PieceFetch, buffer: Uint8Array, deps: PieceReceptionDeps) {
    this.#fetch = fetch
    this.#deps = deps
    this.#ring = new ReceiveRing(buffer)
    this.#worthwhileBytes = buffer.byteLength / 4
    this.#missing = fetch.expectedLength
  }

  run(request: Uint8Array): Promise<PieceHeader> {
    const { signal } = this.#fetch
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    try {
      this.#connect(request)
      signal?.addEventListener('abort', this.#onAbort, { once: true })
    } catch (error) {
      // An address that cannot exist (port 70000) is thrown, not emitted; peers tell us addresses.
      this.#end({ error: socketError(this.#fetch.endpoint, error) })
    }
    return this.#settled.promise
  }

  #connect(request: Uint8Array): void {
    const { network, clock, timeouts } = this.#deps
    const { endpoint } = this.#fetch
    const socket = network.connect(endpoint, {
      onread: { buffer: () => this.#target(), callback: (count) => this.#onBytes(count) },
    })
    this.#socket = socket
    this.#cancelConnectTimer = clock.schedule(timeouts.connectMs, () => {
      this.#lost(this.#unavailable(`was not established within ${timeouts.connectMs} ms`))
    })
    socket.once('connect', () => {
      this.#cancelConnectTimer()
      if (this.#outcome !== undefined) return
      this.#idleWatch = watchIdle(clock, {
        idleMs: timeouts.idleMs,
        progress: () => (this.#paused || this.#isReceived ? undefined : this.#received),
        onIdle: () => this.#lost(this.#unavailable(`was silent for ${timeouts.idleMs} ms`)),
      })
      socket.write(request)
    })
    socket.on('error', (error) => this.#lost(socketError(endpoint, error)))
    const onClosed = (): void => this.#lost(this.#unavailable(`was closed ${this.#stage}`))
    socket.on('end', onClosed)
    socket.on('close', onClosed)
  }

  readonly #onAbort = (): void => this.#end({ error: this.#fetch.signal?.reason })

  get #isReceived(): boolean {
    return this.#header !== undefined && this.#missing === 0
  }

  #target(): Uint8Array {
    return this.#outcome === undefined ? this.#ring.target() : wasteland
  }

  /** Returns whether the socket shall go on reading. */
  #onBytes(count: number): boolean {
    if (this.#outcome !== undefined) return false
    this.#received += count
    this.#ring.filled(count)
    let content = count
    if (this.#header === undefined) {
      try {
        this.#header = this.#readHeader()
      } catch (error) {
        this.#end({ error })
        return false
      }
      if (this.#header === undefined) return true
      content = this.#ring.size
    }
    this.#missing -= content
    if (this.#missing < 0) this.#dropSurplus()
    this.#paused = this.#ring.isFull && !this.#isReceived
    if (!this.#writing) this.#drain().catch(() => {})
    return !this.#paused && !this.#isReceived
  }

  /** What follows the piece is ignored, as Dragonfly's child does. */
  #dropSurplus(): void {
    this.#ring.truncate(this.#ring.size + this.#missing)
    this.#missing = 0
  }

  /** Takes the header off the ring; `undefined` until it is there as a whole. Throws what the peer has to say. */
  #readHeader(): PieceHeader | undefined {
    const bytes = this.#ring.peek()
    if (bytes.byteLength < frameHeaderBytes) return undefined
    const frame = decodeFrameHeader(bytes.subarray(0, frameHeaderBytes))
    const end = frameHeaderBytes + frame.length
    if (bytes.byteLength < end) return undefined
    const value = bytes.subarray(frameHeaderBytes, end)
    if (frame.type === 'error') throw answeredError(this.#fetch.endpoint, decodeError(value))
    if (frame.type !== 'content' || frame.family !== this.#fetch.family) {
      throw this.#unexpected(
        `answered a request for a ${this.#fetch.family} piece by another frame`,
      )
    }
    const header = decodePieceContent(value)
    const { number, expectedLength } = this.#fetch
    if (header.number !== number || header.length !== expectedLength) {
      const sent = `piece ${header.number} of ${header.length} bytes`
      throw this.#unexpected(`sends ${sent} instead of piece ${number} of ${expectedLength}`)
    }
    this.#ring.skip(end)
    return header
  }

  /** Feeds the sink with what has arrived. Never rejects. */
  async #drain(): Promise<void> {
    this.#writing = true
    try {
      for (let chunk = this.#lend(); chunk !== undefined; chunk = this.#lend()) {
        await this.#fetch.sink.write(chunk)
        this.#ring.consumed()
        this.#resume()
      }
    } catch (error) {
      this.#end({ error })
    }
    this.#writing = false
    if (this.#outcome !== undefined) this.#settle(this.#outcome)
    else if (this.#header !== undefined && this.#isReceived) this.#end({ header: this.#header })
  }

  #lend(): Uint8Array | undefined {
    if (this.#outcome !== undefined) return undefined
    return this.#ring.lend(this.#isReceived ? 1 : this.#worthwhileBytes)
  }

  #resume(): void {
    if (!this.#paused || this.#outcome !== undefined) return
    this.#paused = false
    this.#socket?.resume()
  }

  #lost(error: DfError): void {
    // With everything received, what becomes of the connection is of no interest.
    if (!this.#isReceived) this.#end({ error })
  }

  /** The first outcome counts. */
  #end(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    this.#cancelConnectTimer()
    this.#idleWatch?.[Symbol.dispose]()
    this.#fetch.signal?.removeEventListener('abort', this.#onAbort)
    this.#socket?.destroy()
    if (!this.#writing) this.#settle(outcome)
  }

  #settle(outcome: Outcome): void {
    if ('header' in outcome) this.#settled.resolve(outcome.header)
    else this.#settled.reject(outcome.error)
  }

  #unavailable(what: string): DfError {
    return peerUnavailable(this.#fetch.endpoint, what)
  }

  #unexpected(what: string): DfError {
    const endpoint = endpointText(this.#fetch.endpoint)
    return new DfError('PeerProtocol', `The peer at ${endpoint} ${what}.`, {
      details: { endpoint },
    })
  }

  get #stage(): string {
    if (this.#header === undefined) return 'before the answer was complete'
    const { expectedLength } = this.#fetch
    return `after ${expectedLength - this.#missing} of ${expectedLength} bytes`
  }
}
