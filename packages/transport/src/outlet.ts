import type { Socket } from 'node:net'
import type { Clock } from '@damselfly/core'

/** Chunks up to this size are worth being gathered. */
const smallBytes = 64 * 1024
/** A rate is taken over so many bytes: less fits into the kernel's buffers and tells nothing. */
const measuredBytes = 8 * 1024 * 1024

/** The sending side of a socket: writes with an end, gathers small ones, and knows how fast the other side takes them. */
export class Outlet {
  readonly #socket: Socket
  readonly #clock: Clock
  #underWay = 0
  #written = 0
  #unwritten = 0
  #isCorked = false
  #busySinceMs = 0
  #busyMs = 0
  #waitedMs = 0
  #busyBytes = 0
  #bytesPerSec: number | undefined

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
  }

  /** Bytes given to the socket. */
  get writtenBytes(): number {
    return this.#written
  }

  /** Bytes of them that the kernel has not taken as a whole write yet. */
  get unwrittenBytes(): number {
    return this.#unwritten
  }

  get isBusy(): boolean {
    return this.#underWay > 0
  }

  /** How long the other side was waited for. */
  get waitedMs(): number {
    return this.#waitedMs + (this.#underWay > 0 ? this.#clock.monotonic() - this.#busySinceMs : 0)
  }

  /** How fast the other side took bytes while there were some. */
  get bytesPerSec(): number | undefined {
    return this.#bytesPerSec
  }

  /** Changes when the peer takes bytes: of a large write that it takes bit by bit, only the length of the queue tells. */
  get progress(): number {
    return this.#written - queuedBytes(this.#socket)
  }

  /**
   * Resolves, when the kernel has the chunk, with true; with false when it never will. `isFollowed` says that more comes at
   * once: a small chunk then waits for it, until the end of this turn of the event loop.
   */
  write(chunk: Uint8Array, isFollowed: boolean): Promise<boolean> {
    const bytes = chunk.byteLength
    if (isFollowed && bytes <= smallBytes) this.#cork()
    else this.#uncork()
    if (this.#underWay === 0) this.#busySinceMs = this.#clock.monotonic()
    this.#underWay += 1
    this.#written += bytes
    this.#unwritten += bytes
    return new Promise((resolve) => {
      this.#socket.write(chunk, (error) => {
        this.#underWay -= 1
        this.#unwritten -= bytes
        this.#measure(bytes)
        resolve((error === null || error === undefined) && !this.#socket.destroyed)
      })
    })
  }

  #measure(bytes: number): void {
    this.#busyBytes += bytes
    if (this.#underWay > 0) return
    const ms = this.#clock.monotonic() - this.#busySinceMs
    this.#waitedMs += ms
    this.#busyMs += ms
    if (this.#busyBytes < measuredBytes || this.#busyMs <= 0) return
    this.#bytesPerSec = (this.#busyBytes / this.#busyMs) * 1000
    this.#busyBytes = 0
    this.#busyMs = 0
  }

  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#socket.cork()
    setImmediate(() => this.#uncork())
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
  }
}

/** Node tells the progress of a partial write only by its handle's queue; net's own timeout looks at it as well. */
function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null }
  return handle?.writeQueueSize ?? socket.writableLength
}
