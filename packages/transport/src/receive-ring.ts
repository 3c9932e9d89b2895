/**
 * One buffer that a socket fills at its tail while a sink works on its head, in the order of arrival.
 *
 * A socket's next read target is fixed when its last read has ended, long before the bytes come. Therefore the
 * tail never moves by itself, and when the ring is full the target is the region that is lent to the sink: the
 * reader has to pause then and to resume only after `consumed`.
 */
export class ReceiveRing {
  readonly #bytes: Uint8Array
  #head = 0
  #size = 0
  #lent = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Bytes held, those that are lent included. */
  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size === this.#bytes.byteLength
  }

  /** Where the next bytes go. Never empty, except in a full ring of which nothing is lent. */
  target(): Uint8Array {
    if (this.isFull) return this.#bytes.subarray(this.#head, this.#head + this.#lent)
    if (this.#size === 0) this.#head = 0
    const tail = this.#head + this.#size
    const capacity = this.#bytes.byteLength
    if (tail >= capacity) return this.#bytes.subarray(tail - capacity, this.#head)
    return this.#bytes.subarray(tail, capacity)
  }

  /** `count` bytes have been written to the last target. */
  filled(count: number): void {
    this.#size += count
  }

  /** The bytes at the head that lie in one stretch. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#head, this.#stretchEnd())
  }

  /** Drops bytes at the head. */
  skip(count: number): void {
    this.#head = (this.#head + count) % this.#bytes.byteLength
    this.#size -= count
  }

  /** Drops bytes at the tail so that no more than `size` are left. Nothing may be read into the ring after that. */
  truncate(size: number): void {
    this.#size = Math.min(this.#size, size)
  }

  /**
   * Lends the stretch at the head until `consumed`. `undefined` when it is shorter than `minBytes`, unless it
   * ends where the buffer ends and so cannot grow.
   */
  lend(minBytes: number): Uint8Array | undefined {
    const end = this.#stretchEnd()
    const length = end - this.#head
    if (length === 0 || (length < minBytes && end < this.#bytes.byteLength)) return undefined
    this.#lent = length
    return this.#bytes.subarray(this.#head, end)
  }

  /** What was lent is not needed any more. */
  consumed(): void {
    this.skip(this.#lent)
    this.#lent = 0
  }

  #stretchEnd(): number {
    return Math.min(this.#head + this.#size, this.#bytes.byteLength)
  }
}
