import type { Socket } from 'node:net'
import { type Clock, DfError, deferred, isDfError } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'
import { encodeError, encodePieceContent, errorFrameCodes } from './codec.ts'
import { watchIdle } from './idle-watch.ts'
import { Outlet } from './outlet.ts'
import type { ServedPiece } from './piece.ts'
import { type FoundPiece, PieceFinder, type PieceFinderDeps } from './piece-finder.ts'
import { type MinRate, watchRate } from './rate-watch.ts'
import { RequestLine } from './request-line.ts'
import type { PieceAsked } from './request-reader.ts'
import { sendPiece } from './send-piece.ts'
import type { UploadGovernor, UploadTurn } from './upload-governor.ts'

export interface PieceConnectionDeps extends PieceFinderDeps {
  readonly clock: Clock
  /** For sending only, see `BufferPool`. */
  readonly pool: BufferPool
  /** Who may send what and when; without one, everybody at once. */
  readonly governor?: UploadGovernor | undefined
  /** The zstd level for a piece that its child takes packed; `undefined` sends it plain. Must not throw. */
  readonly compress?: ((piece: ServedPiece, link: UploadLink) => number | undefined) | undefined
  /** Bytes of content, as they travel, that the kernel has taken. Must not throw. */
  readonly onSent?: ((bytes: number) => void) | undefined
}

/** What is known of the way to a child. */
export interface UploadLink {
  readonly child: string
  readonly taskId: string
  /** How fast the child took bytes of late; `undefined` until there is something to go by. */
  readonly bytesPerSec: number | undefined
}

export interface PieceConnectionOptions {
  readonly idleMs: number
  /** A child that takes less while it is waited for is dropped. */
  readonly minRate?: MinRate | undefined
  /** Our own children have to come by the secure port. */
  readonly isForDragonfly: boolean
}

/** Answers of kept connections that may be on their way into the kernel before the next one is prepared. */
const maxUnwrittenBytes = 256 * 1024

/**
 * One connection of a child: asking (until a request is complete) <-> answering -> ending (until the child closes its side).
 * Dragonfly's children ask once; ours may ask again, and before they have been answered. While one piece is sent the next
 * is opened. A child may send its FIN while it still receives (trap T1): `end` only means that it asks for nothing more.
 */
export class PieceConnection {
  readonly #socket: Socket
  readonly #options: PieceConnectionOptions
  readonly #deps: PieceConnectionDeps
  readonly #controller = new AbortController()
  readonly #requests: RequestLine
  readonly #outlet: Outlet
  readonly #closed = deferred()
  readonly #child: string
  readonly #finder: PieceFinder
  #answered = 0
  #isEnding = false
  #isDraining = false
  /** Settles when the pieces before have been released. */
  #released: Promise<void> = Promise.resolve()

  constructor(socket: Socket, options: PieceConnectionOptions, deps: PieceConnectionDeps) {
    this.#socket = socket
    this.#options = options
    this.#deps = deps
    this.#requests = new RequestLine(socket)
    this.#outlet = new Outlet(socket, deps.clock)
    const { signal } = this.#controller
    this.#finder = new PieceFinder(this.#requests, { ...options, signal }, deps)
    this.#child = socket.remoteAddress ?? ''
  }

  /** Requests that were taken and are not answered. */
  get #open(): number {
    return this.#finder.taken - this.#answered
  }

  /** It has been answered and asks for nothing at the moment. */
  get isIdle(): boolean {
    return this.#open === 0 && this.#outlet.writtenBytes > 0 && !this.#outlet.isBusy
  }

  /** Resolves when the connection is closed and nothing of it is left. Never rejects. */
  async run(): Promise<void> {
    const { clock, log } = this.#deps
    const { idleMs } = this.#options
    this.#listen()
    using _rate = this.#watchRate()
    const watch = watchIdle(clock, {
      idleMs,
      progress: () => this.#progress(),
      onIdle: () => this.destroy(`The peer did nothing for ${idleMs} ms.`),
    })
    try {
      await this.#answerAll()
      this.#isEnding = true
      if (this.#isDraining) this.#socket.destroySoon()
      else this.#socket.end()
    } catch (err) {
      log.debug({ err }, 'piece connection failed')
      this.#socket.destroy()
    }
    await this.#closed.promise
    await this.#released
    watch[Symbol.dispose]()
  }

  /** An answer under way is finished; anything else ends at once. */
  drain(): void {
    this.#isDraining = true
    this.#requests.close()
    if (this.#isEnding) this.#socket.destroySoon()
    else if (this.#open === 0 && !this.#outlet.isBusy) this.destroy('The piece server stops.')
  }

  destroy(why: string): void {
    this.#abort(why)
    this.#socket.destroy()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('error', (err) => this.#deps.log.debug({ err }, 'piece connection broke'))
    socket.on('close', () => {
      this.#abort('The peer closed the connection.')
      this.#closed.resolve()
    })
  }

  #abort(why: string): void {
    this.#requests.close()
    if (this.#isEnding || this.#controller.signal.aborted) return
    // Not a failure of ours: by its name everybody knows it for an abort.
    this.#controller.abort(new DOMException(why, 'AbortError'))
  }

  /** While our own disk or rate limit is waited for nothing is on its way into the socket, and the time does not count. */
  #watchRate(): Disposable {
    const { bytesPerSec, windowMs } = this.#options.minRate ?? { bytesPerSec: 0, windowMs: 0 }
    return watchRate(this.#deps.clock, {
      bytesPerSec,
      windowMs,
      progress: () => ({ bytes: this.#outlet.progress, waitedMs: this.#outlet.waitedMs }),
      onSlow: () => this.destroy(`The peer took less than ${bytesPerSec} bytes per second.`),
    })
  }

  /** Waiting for our own disk or rate limit is not the peer's fault. */
  #progress(): number | undefined {
    if (this.#open > 0 && !this.#outlet.isBusy) return undefined
    return this.#outlet.progress
  }

  async #answerAll(): Promise<void> {
    let next = this.#next()
    try {
      for (let opened = await next; opened !== undefined; opened = await next) {
        // A single request has no successor: what follows it ends the connection.
        next = this.#next()
        await this.#answer(opened)
        this.#answered += 1
        if (opened.asked.kept === undefined) this.#requests.close()
      }
    } catch (error) {
      this.#abort('The connection to the peer failed.')
      throw error
    } finally {
      const opened = await next
      if (opened !== undefined && 'piece' in opened.found) opened.found.piece.release(0)
    }
    this.#controller.signal.throwIfAborted()
  }

  async #next(): Promise<FoundPiece | undefined> {
    const next = await this.#finder.next()
    if (next !== 'broken') return next
    this.destroy('The peer broke the piece protocol.')
    return undefined
  }

  async #answer({ asked, found }: FoundPiece): Promise<void> {
    const before = this.#outlet.writtenBytes
    try {
      if ('error' in found) throw found.error
      await this.#send(asked, found.piece)
    } catch (error) {
      if (this.#outlet.writtenBytes > before || this.#controller.signal.aborted) throw error
      this.#refuse(asked, error)
    }
  }

  async #send(asked: PieceAsked, piece: ServedPiece): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve()
    let plainSent = 0
    const before = this.#outlet.writtenBytes
    const write = (chunk: Uint8Array, plainBytes: number): Promise<void> => {
      const isHead = this.#outlet.writtenBytes === before
      const isFollowed = asked.kept !== undefined && this.#requests.hasMore
      const written = this.#outlet.write(chunk, isFollowed).then((isTaken) => {
        if (!isTaken) return this.#abort('The peer closed the connection.')
        plainSent += plainBytes
        this.#deps.onSent?.(Math.max(0, chunk.byteLength - (isHead ? head.byteLength : 0)))
      })
      writing = written
      return written
    }
    const level = this.#level(asked, piece)
    const form = level === undefined ? 'content' : 'packedContent'
    let head: Uint8Array = new Uint8Array(0)
    let turn: UploadTurn | undefined
    const { signal } = this.#controller
    try {
      head = encodePieceContent(piece, asked.family, nextPacketId(), form)
      turn = await this.#deps.governor?.enter(this.#upload(asked), signal)
      const chunkBytes = (): number => turn?.chunkBytes ?? Number.POSITIVE_INFINITY
      const take = (bytes: number): Promise<void> | undefined => this.#take(turn, bytes)
      await sendPiece({ piece, head, level, signal, chunkBytes, take, write }, this.#deps.pool)
    } catch (error) {
      // The child sees an early end and asks another parent.
      if (this.#outlet.writtenBytes > before) this.#socket.destroy()
      await writing
      throw error
    } finally {
      turn?.leave()
      const release = (): void => piece.release(plainSent)
      const released = writing.then(release)
      this.#released = Promise.all([this.#released, released]).then(() => {})
    }
    if (asked.kept === undefined || this.#outlet.unwrittenBytes > maxUnwrittenBytes) await writing
  }

  #upload({ family, taskId, number, kept }: PieceAsked) {
    const isBackground = kept?.isBackground === true
    return { child: this.#child, family, taskId, number, isBackground }
  }

  #take(turn: UploadTurn | undefined, bytes: number): Promise<void> | undefined {
    return turn?.take(bytes, this.#controller.signal)
  }

  #level({ kept, taskId }: PieceAsked, piece: ServedPiece): number | undefined {
    if (kept?.isPackedWelcome !== true || piece.length === 0) return undefined
    const { bytesPerSec } = this.#outlet
    return this.#deps.compress?.(piece, { child: this.#child, taskId, bytesPerSec })
  }

  #refuse({ kept }: PieceAsked, error: unknown): void {
    if (isDfError(error, 'Overloaded')) {
      // Dragonfly has no word for it; a closed connection makes its child ask another parent at once.
      if (kept === undefined) throw error
      this.#writeError(errorFrameCodes.overloaded, 'too many pieces wait to be sent')
    } else if (isDfError(error, 'PieceNotFound') || isDfError(error, 'TaskNotFound')) {
      this.#writeError(errorFrameCodes.notFound, 'the piece is not here')
    } else {
      this.#deps.log.warn({ err: DfError.from(error) }, 'a piece could not be served')
      this.#writeError(errorFrameCodes.internal, 'the piece cannot be read')
    }
  }

  #writeError(
    ...[code, message]: [code: Parameters<typeof encodeError>[0], message: string]
  ): void {
    this.#outlet
      .write(encodeError(code, message, nextPacketId()), this.#requests.hasMore)
      .catch(() => {})
  }
}

/** Nothing is matched by packet ids; consecutive ones are as good as random ones. */
let packetId = 0
function nextPacketId(): number {
  packetId = (packetId + 1) % 256
  return packetId
}
