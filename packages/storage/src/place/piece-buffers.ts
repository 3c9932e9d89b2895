/** What is kept for the next pieces. */
const maxKeptBytes = 32 * 1024 * 1024

/** Memory for whole pieces, used again and again: fresh memory costs a page fault for every 4 KiB. */
export class PieceBuffers {
  readonly #kept: Uint8Array[] = []
  #keptBytes = 0

  /** Of exactly this length, with whatever was in it. */
  take(length: number): Uint8Array {
    // Most pieces of a thread are of one length.
    const index = this.#kept.findLastIndex((buffer) => buffer.byteLength >= length)
    const [buffer] = index < 0 ? [] : this.#kept.splice(index, 1)
    this.#keptBytes -= buffer?.byteLength ?? 0
    return buffer?.subarray(0, length) ?? new Uint8Array(length)
  }

  /** The caller uses it no more. One that was forgotten instead is the garbage collector's. */
  give({ buffer }: Uint8Array): void {
    this.#kept.push(new Uint8Array(buffer))
    this.#keptBytes += buffer.byteLength
    // The oldest goes: those of a length that is no longer asked for.
    while (this.#keptBytes > maxKeptBytes) this.#keptBytes -= this.#kept.shift()?.byteLength ?? 0
  }
}
