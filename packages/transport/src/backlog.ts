/** Bytes that have arrived before their turn, in order. */
export class Backlog {
  #memory: Uint8Array = empty
  #start = 0
  #end = 0

  get size(): number {
    return this.#end - this.#start
  }

  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end)
  }

  /** `isInUse` says that somebody works on what has been dropped: it stays as it is. */
  add(bytes: Uint8Array, isInUse = false): void {
    if (this.#end + bytes.byteLength > this.#memory.byteLength) {
      this.#makeRoom(this.size + bytes.byteLength, isInUse)
    }
    this.#memory.set(bytes, this.#end)
    this.#end += bytes.byteLength
  }

  /** Forgets bytes at the front. */
  drop(count: number): void {
    this.#start += count
  }

  /** Gives the memory back. */
  clear(): void {
    this.#memory = empty
    this.#start = 0
    this.#end = 0
  }

  #makeRoom(size: number, isInUse: boolean): void {
    const { bytes } = this
    if (size <= this.#memory.byteLength && !isInUse)
      this.#memory.copyWithin(0, this.#start, this.#end)
    else {
      // Not from Node's shared slab, which it would keep alive as a whole.
      this.#memory = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)))
      this.#memory.set(bytes)
    }
    this.#end = bytes.byteLength
    this.#start = 0
  }
}

const empty = new Uint8Array(0)
