import type { Socket } from 'node:net'
import { type Deferred, deferred } from '@damselfly/core'
import { frameHeaderBytes, keptRequestValueBytes } from './codec.ts'
import { type PieceAsked, RequestReader } from './request-reader.ts'

/** Beyond so many bytes of requests that wait for their turn, no more are read. */
const maxWaitingBytes = 32 * (frameHeaderBytes + keptRequestValueBytes)

/** The requests of a connection, one after the other. */
export class RequestLine {
  readonly #socket: Socket
  readonly #reader = new RequestReader()
  #arrival: Deferred<void> | undefined
  #isEnded = false
  #isClosed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Uint8Array) => {
      this.#reader.push(chunk)
      if (this.#reader.size > maxWaitingBytes) socket.pause()
      this.#arrival?.resolve()
    })
    socket.on('end', () => {
      this.#isEnded = true
      this.#arrival?.resolve()
    })
  }

  /** The next request has begun to arrive. */
  get hasMore(): boolean {
    return this.#reader.size > 0
  }

  /** No more requests are taken. */
  close(): void {
    this.#isClosed = true
    this.#arrival?.resolve()
  }

  /**
   * The next request; `undefined` when there will be none. Throws `PeerProtocol`: after Dragonfly's single request already
   * for the first byte that follows.
   */
  async next(): Promise<PieceAsked | undefined> {
    for (;;) {
      if (this.#isClosed) return undefined
      const asked = this.#reader.next()
      if (asked !== undefined) {
        if (this.#reader.size <= maxWaitingBytes) this.#socket.resume()
        return asked
      }
      if (this.#isEnded) return undefined
      this.#arrival = deferred()
      await this.#arrival.promise
    }
  }
}
