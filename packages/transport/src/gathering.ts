/** TLS hands over one record after the other, of 16 KiB at most. */
const recordBytes = 16 * 1024

/**
 * Puts small reads together before they are looked at: a sink pays per chunk. `onread` asks for where the next bytes go
 * right after each read.
 */
export class Gathering {
  readonly #memory: Uint8Array
  #size = 0

  constructor(bytes: number) {
    this.#memory = Buffer.allocUnsafeSlow(bytes)
  }

  target(): Uint8Array {
    return this.#memory.subarray(this.#size)
  }

  /**
   * `count` bytes have arrived at the target. Returns all that has been gathered when it is `wanted` bytes, or when there is
   * no room for more; it has to be dealt with at once.
   */
  add(count: number, wanted: number): Uint8Array | undefined {
    this.#size += count
    const hasRoom = this.#size + recordBytes <= this.#memory.byteLength
    if (this.#size < wanted && hasRoom) return undefined
    const bytes = this.#memory.subarray(0, this.#size)
    this.#size = 0
    return bytes
  }
}
