import type { Socket } from 'node:net'
import { type Clock, deferred, isDfError, type Log } from '@damselfly/core'
import { encodeError, encodePieceContent, errorFrameCodes } from './codec.ts'
import { watchIdle } from './idle-watch.ts'
import type { ServedPiece, TaskFamily } from './piece.ts'
import { type PieceAsked, RequestReader } from './request-reader.ts'
import { type PieceSendingDeps, sendPiece } from './send-piece.ts'

export interface PieceConnectionDeps extends PieceSendingDeps {
  readonly clock: Clock
  readonly log: Log
  /** Finds a piece, waiting for it when it is on its way. The signal aborts when nobody wants it any more. */
  readonly open: (
    family: TaskFamily,
    taskId: string,
    number: number,
    signal: AbortSignal,
  ) => Promise<ServedPiece>
  /** Bytes of content that the kernel has taken. Must not throw. */
  readonly onSent?: ((bytes: number) => void) | undefined
}

/**
 * One connection of a child: asking (until its request is complete) -> answering -> ending (until it closes its
 * side). The child may send its FIN while it still receives (trap T1), so `end` means nothing once it has asked.
 */
export class PieceConnection {
  readonly #socket: Socket
  readonly #idleMs: number
  readonly #deps: PieceConnectionDeps
  readonly #controller = new AbortController()
  readonly #reader = new RequestReader()
  readonly #asked = deferred<PieceAsked>()
  readonly #closed = deferred()
  #phase: 'asking' | 'answering' | 'ending' = 'asking'
  #isDraining = false
  #writesUnderWay = 0
  #writtenBytes = 0

  constructor(socket: Socket, idleMs: number, deps: PieceConnectionDeps) {
    this.#socket = socket
    this.#idleMs = idleMs
    this.#deps = deps
  }

  /** Resolves when the connection is closed and nothing of it is left. Never rejects. */
  async run(): Promise<void> {
    const { clock, log } = this.#deps
    this.#listen()
    const watch = watchIdle(clock, {
      idleMs: this.#idleMs,
      progress: () => this.#progress(),
      onIdle: () => this.destroy(`The peer did nothing for ${this.#idleMs} ms.`),
    })
    try {
      await this.#answer(await this.#asked.promise)
      this.#phase = 'ending'
      if (this.#isDraining) this.#socket.destroySoon()
      else this.#socket.end()
    } catch (err) {
      log.debug({ err }, 'piece connection failed')
      this.#socket.destroy()
    }
    await this.#closed.promise
    watch[Symbol.dispose]()
  }

  /** An answer under way is finished; anything else ends at once. */
  drain(): void {
    this.#isDraining = true
    if (this.#phase === 'asking') this.destroy('The piece server stops.')
    else if (this.#phase === 'ending') this.#socket.destroySoon()
  }

  destroy(why: string): void {
    this.#abort(why)
    this.#socket.destroy()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    socket.on('end', () => {
      if (this.#phase === 'asking') this.destroy('The peer asked for nothing.')
    })
    socket.on('error', (err) => this.#deps.log.debug({ err }, 'piece connection broke'))
    socket.on('close', () => {
      this.#abort('The peer closed the connection.')
      this.#closed.resolve()
    })
  }

  #onData(chunk: Uint8Array): void {
    try {
      const asked = this.#reader.push(chunk)
      if (asked === undefined) return
      this.#phase = 'answering'
      this.#asked.resolve(asked)
    } catch (error) {
      this.#asked.reject(error)
      this.destroy('The peer broke the piece protocol.')
    }
  }

  #abort(why: string): void {
    if (this.#phase === 'ending' || this.#controller.signal.aborted) return
    // Not a failure of ours: by its name everybody knows it for an abort.
    const reason = new DOMException(why, 'AbortError')
    this.#controller.abort(reason)
    this.#asked.reject(reason)
  }

  /**
   * Waiting for our own disk or rate limit is not the peer's fault. Of a large write that the peer takes bit
   * by bit, only the length of the queue tells.
   */
  #progress(): number | undefined {
    if (this.#phase === 'answering' && this.#writesUnderWay === 0) return undefined
    return this.#writtenBytes - queuedBytes(this.#socket)
  }

  async #answer({ family, taskId, number }: PieceAsked): Promise<void> {
    const { signal } = this.#controller
    try {
      const piece = await this.#deps.open(family, taskId, number, signal)
      await this.#send(family, piece)
    } catch (error) {
      if (this.#writtenBytes > 0 || signal.aborted) throw error
      this.#refuse(error)
    }
  }

  async #send(family: TaskFamily, piece: ServedPiece): Promise<void> {
    let sentBytes = 0
    let writing: Promise<void> | undefined
    const write = (chunk: Uint8Array, contentBytes: number): Promise<void> => {
      writing = this.#write(chunk).then((isTaken) => {
        if (!isTaken) return
        sentBytes += contentBytes
        this.#deps.onSent?.(contentBytes)
      })
      return writing
    }
    try {
      const head = encodePieceContent(piece, family, nextPacketId())
      await sendPiece({ piece, head, signal: this.#controller.signal, write }, this.#deps)
    } catch (error) {
      // The child sees an early end and asks another parent.
      if (this.#writtenBytes > 0) this.#socket.destroy()
      throw error
    } finally {
      await writing
      piece.release(sentBytes)
    }
  }

  /** Resolves, when the kernel has the chunk, with true; with false when it never will. */
  #write(chunk: Uint8Array): Promise<boolean> {
    this.#writesUnderWay += 1
    this.#writtenBytes += chunk.byteLength
    return new Promise((resolve) => {
      this.#socket.write(chunk, (error) => {
        this.#writesUnderWay -= 1
        resolve((error === null || error === undefined) && !this.#socket.destroyed)
      })
    })
  }

  #refuse(error: unknown): void {
    const isMissing = isDfError(error, 'PieceNotFound') || isDfError(error, 'TaskNotFound')
    if (!isMissing) this.#deps.log.warn({ err: error }, 'a piece could not be served')
    const frame = isMissing
      ? encodeError(errorFrameCodes.notFound, 'the piece is not here', nextPacketId())
      : encodeError(errorFrameCodes.internal, 'the piece cannot be read', nextPacketId())
    this.#socket.write(frame)
  }
}

/** Nothing is matched by packet ids; consecutive ones are as good as random ones. */
let packetId = 0
function nextPacketId(): number {
  packetId = (packetId + 1) % 256
  return packetId
}

/** Node tells the progress of a partial write only by its handle's queue; net's own timeout looks at it as well. */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null }
  return handle?.writeQueueSize ?? socket.writableLength
}
