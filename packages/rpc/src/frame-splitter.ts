import { Code, ConnectError } from '@connectrpc/connect'
import { prefixBytes } from './frame.ts'

const compressedFlag = 1

/** Cuts a stream of bytes, which comes in chunks of any size, into the messages in it. */
export class FrameSplitter {
  readonly #maxBytes: number
  readonly #onMessage: (bytes: Uint8Array) => void
  readonly #chunks: Uint8Array[] = []
  /** Bytes in `#chunks`. */
  #have = 0
  /** Of the message whose prefix has been read. */
  #length: number | undefined

  /** Messages longer than `maxBytes` are refused. `onMessage` gets bytes that nobody else uses. */
  constructor(maxBytes: number, onMessage: (bytes: Uint8Array) => void) {
    this.#maxBytes = maxBytes
    this.#onMessage = onMessage
  }

  /** True when a message has begun and not ended. */
  get isInside(): boolean {
    return this.#have > 0 || this.#length !== undefined
  }

  /** Errors: `ResourceExhausted` for a message that is too long, `Unimplemented` for one that is compressed. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#have += chunk.byteLength
    for (;;) {
      this.#length ??= this.#have < prefixBytes ? undefined : this.#readPrefix()
      if (this.#length === undefined || this.#have < this.#length) return
      const message = this.#take(this.#length)
      this.#length = undefined
      this.#onMessage(message)
    }
  }

  #readPrefix(): number {
    const prefix = this.#take(prefixBytes)
    const length = new DataView(prefix.buffer).getUint32(1)
    if (((prefix[0] ?? 0) & compressedFlag) !== 0) {
      throw new ConnectError('the message is compressed', Code.Unimplemented)
    }
    if (length > this.#maxBytes) {
      const why = `a message of ${length} bytes is longer than ${this.#maxBytes}`
      throw new ConnectError(why, Code.ResourceExhausted)
    }
    return length
  }

  /** A copy: a view would keep the socket's whole buffer for as long as the message lives. */
  #take(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length)
    let at = 0
    let used = 0
    for (const chunk of this.#chunks) {
      if (at === length) break
      const part = chunk.subarray(0, length - at)
      bytes.set(part, at)
      at += part.byteLength
      if (part.byteLength === chunk.byteLength) used += 1
      else this.#chunks[used] = chunk.subarray(part.byteLength)
    }
    this.#chunks.splice(0, used)
    this.#have -= length
    return bytes
  }
}
