import { Duplex } from 'node:stream'
import type { OnRead } from '@damselfly/core'
import type { Line } from './line.ts'
import type { VirtualHost } from './virtual-host.ts'

export interface SocketAddress {
  readonly address: string
  readonly port: number
}

export interface VirtualSocketOptions {
  readonly host: VirtualHost
  readonly allowHalfOpen: boolean
  readonly onread?: OnRead | undefined
}

/** As much of a `net.Socket` as our servers, our piece protocol and Node's HTTP/2 use. */
export class VirtualSocket extends Duplex {
  connecting = true
  localAddress: string | undefined
  localPort: number | undefined
  remoteAddress: string | undefined
  remotePort: number | undefined
  readonly host: VirtualHost
  readonly #onread: OnRead | undefined
  #out: Line | undefined
  #in: Line | undefined
  #inbox: Uint8Array[] = []
  #hasEnded = false
  #isReading = false
  /** Said nothing more, not even goodbye: the host lost its power. */
  #isMute = false
  #whenConnected: (() => void)[] = []

  constructor({ host, allowHalfOpen, onread }: VirtualSocketOptions) {
    super({ allowHalfOpen })
    this.host = host
    this.#onread = onread
    this.#isReading = onread !== undefined
  }

  established(ends: { local: SocketAddress; remote: SocketAddress; out: Line; in: Line }): void {
    this.connecting = false
    this.localAddress = ends.local.address
    this.localPort = ends.local.port
    this.remoteAddress = ends.remote.address
    this.remotePort = ends.remote.port
    this.#out = ends.out
    this.#in = ends.in
    for (const go of this.#whenConnected.splice(0)) go()
  }

  /** Bytes from the other side; false when nobody is here to take them. */
  arrive(bytes: Uint8Array): boolean {
    if (this.destroyed) return false
    this.#inbox.push(bytes)
    this.#deliver()
    return true
  }

  /** The other side sends nothing more. */
  arriveEnd(): void {
    this.#hasEnded = true
    this.#deliver()
  }

  /** Ends without a word to the other side. */
  mute(error: Error): void {
    this.#isMute = true
    this.destroy(error)
  }

  override _read(): void {
    if (this.#onread !== undefined) return
    this.#isReading = true
    this.#deliver()
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#connected(() => this.#out?.send(chunk, done))
  }

  override _writev(
    chunks: readonly { chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#connected(() => this.#out?.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done))
  }

  override _final(done: () => void): void {
    this.#connected(() => {
      this.#out?.send('end')
      done()
    })
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.host.forget(this)
    const isUnread = this.#inbox.length > 0
    this.#inbox = []
    if (!this.#isMute) this.#out?.send(isUnread || error !== null ? 'reset' : 'close')
    done(error)
  }

  override pause(): this {
    if (this.#onread !== undefined) this.#isReading = false
    return super.pause()
  }

  override resume(): this {
    super.resume()
    if (this.#onread !== undefined && !this.#isReading) {
      this.#isReading = true
      this.#deliver()
    }
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  resetAndDestroy(): this {
    return this.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  }

  address(): SocketAddress {
    return { address: this.localAddress ?? '', port: this.localPort ?? 0 }
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  /** Nobody here relies on it: idle connections are watched over the clock. */
  setTimeout(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  #connected(go: () => void): void {
    if (this.connecting) this.#whenConnected.push(go)
    else go()
  }

  #deliver(): void {
    while (this.#isReading && !this.destroyed) {
      const bytes = this.#inbox.shift()
      if (bytes === undefined) break
      if (this.#onread === undefined) this.#isReading = this.push(bytes)
      else this.#deliverInto(this.#onread, bytes)
      this.#in?.release(bytes.byteLength)
    }
    if (!this.#hasEnded || this.#inbox.length > 0 || this.readableEnded || this.destroyed) return
    this.push(null)
    this.read(0)
  }

  /** A buffer may be smaller than what came; what is left waits in front. */
  #deliverInto({ buffer, callback }: OnRead, bytes: Uint8Array): void {
    let rest = bytes
    while (rest.byteLength > 0 && !this.destroyed) {
      const target = typeof buffer === 'function' ? buffer() : buffer
      const count = Math.min(rest.byteLength, target.byteLength)
      target.set(rest.subarray(0, count))
      rest = rest.subarray(count)
      if (callback(count, target) || this.destroyed) continue
      this.#isReading = false
      if (rest.byteLength > 0) this.#inbox.unshift(rest)
      this.#in?.release(-rest.byteLength)
      return
    }
  }
}
