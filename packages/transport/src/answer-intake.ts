import type { OnRead } from '@damselfly/core'
import { Backlog } from './backlog.ts'
import { Gathering } from './gathering.ts'
import type { PieceExchange } from './piece-exchange.ts'

/** The connection that bytes arrive on. */
export interface IntakeOwner {
  /** Whose answer comes next. */
  readonly first: PieceExchange | undefined
  readonly isClosed: boolean
  /** The exchange may have got its whole answer, or have failed by its sink. */
  advance(exchange: PieceExchange): void
  /** Bytes that nobody asked for. */
  surplus(): void
  /** The bytes cannot be understood. */
  broken(error: unknown): void
  /** Reading may go on. */
  resume(): void
}

/** A patient sink is handed no less than this at once, the end excepted: its writes have a cost each. */
const worthwhileBytes = 256 * 1024
/** Until a sink has shown whether it takes chunks at once, its chunk is a copy; it need not be large. */
const trialBytes = 16 * 1024

/**
 * Takes what arrives on a connection to the exchanges it is for. Bytes lie in a buffer that the whole thread shares and go
 * from there straight into sinks that take them at once; for a sink that asks for time they are copied and reading pauses, so
 * that the kernel's buffer fills up and TCP tells the sender to wait.
 */
export class AnswerIntake {
  readonly #owner: IntakeOwner
  readonly #backlog = new Backlog()
  #isPaused = false
  #received = 0

  constructor(owner: IntakeOwner) {
    this.#owner = owner
  }

  /** A sink has asked for time. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  get receivedBytes(): number {
    return this.#received
  }

  /** Reads into a buffer that others use, too. */
  sharing(buffer: Uint8Array): OnRead {
    return {
      buffer,
      callback: (count) => {
        this.#received += count
        return this.#take(buffer.subarray(0, count))
      },
    }
  }

  /** Reads into a buffer of its own until there is something worth being looked at. */
  gathering(): OnRead {
    const gathering = new Gathering(worthwhileBytes)
    return {
      buffer: () => gathering.target(),
      callback: (count) => {
        this.#received += count
        const ahead = this.#owner.first?.reader.plainBytesAhead ?? 0
        const bytes = gathering.add(count, ahead - this.#backlog.size)
        return bytes === undefined ? !this.#owner.isClosed : this.#take(bytes)
      },
    }
  }

  clear(): void {
    this.#backlog.clear()
  }

  /** Returns whether the socket shall go on reading. */
  #take(bytes: Uint8Array): boolean {
    if (this.#owner.isClosed) return false
    const backlog = this.#backlog
    if (this.#isPaused) {
      // TLS hands over what it has decrypted already.
      backlog.add(bytes, true)
      return false
    }
    const rest = backlog.size > 0 ? bytes : this.#work(bytes, false)
    if (rest.byteLength > 0 && !this.#owner.isClosed) {
      // A sink that asked for time just now works on a copy.
      backlog.add(rest)
      this.#workOff()
    }
    return !this.#isPaused && !this.#owner.isClosed
  }

  #workOff(): void {
    const backlog = this.#backlog
    if (backlog.size > 0 && !this.#isPaused) {
      const rest = this.#work(backlog.bytes, true)
      backlog.drop(backlog.size - rest.byteLength)
    }
    if (backlog.size === 0 && this.#owner.first === undefined) backlog.clear()
  }

  /**
   * Deals with bytes from the front until they end, or a sink asks for time, or wants a longer or a lasting chunk; returns
   * what is left then.
   */
  #work(bytes: Uint8Array, isLasting: boolean): Uint8Array {
    let rest = bytes
    while (rest.byteLength > 0 && !this.#owner.isClosed && !this.#isPaused) {
      const exchange = this.#owner.first
      if (exchange === undefined) {
        this.#owner.surplus()
        break
      }
      if (exchange.isPatient && !(isLasting && isWorthwhile(exchange, rest))) break
      const isTrial = exchange.isUntried && !isLasting
      const part = isTrial ? rest.subarray(0, trialBytes) : rest
      rest = rest.subarray(this.#read(exchange, part, isLasting))
    }
    return rest
  }

  #read(exchange: PieceExchange, bytes: Uint8Array, isLasting: boolean): number {
    const { reader } = exchange
    let taken = 0
    try {
      taken = reader.read(bytes)
    } catch (error) {
      this.#owner.broken(error)
      return bytes.byteLength
    }
    const { content } = reader
    if (content !== undefined) {
      exchange.deliver(content, isLasting || content.buffer !== bytes.buffer)
      if (exchange.pending !== undefined) {
        this.#waitFor(exchange, exchange.pending)
        return taken
      }
    }
    this.#owner.advance(exchange)
    return taken
  }

  #waitFor(exchange: PieceExchange, pending: Promise<void>): void {
    this.#isPaused = true
    const goOn = (): void => {
      this.#isPaused = false
      this.#owner.advance(exchange)
      if (this.#owner.isClosed) return
      this.#workOff()
      if (!this.#isPaused && !this.#owner.isClosed) this.#owner.resume()
    }
    pending.then(goOn, goOn)
  }
}

/** Whether a patient sink should get what there is, or a longer chunk is on its way. */
function isWorthwhile(exchange: PieceExchange, bytes: Uint8Array): boolean {
  return bytes.byteLength >= Math.min(worthwhileBytes, exchange.reader.plainBytesAhead)
}
