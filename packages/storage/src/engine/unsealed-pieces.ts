/** Pieces are read in parts, and each part needs the whole piece opened: so many bytes of them are kept. */
const maxBytes = 64 * 1024 * 1024

/** The plain bytes of the sealed pieces that were read last, of all tasks. */
export class UnsealedPieces {
  readonly #pieces = new Map<string, Uint8Array>()
  #bytes = 0

  get(task: number, piece: number): Uint8Array | undefined {
    return this.#pieces.get(`${task}:${piece}`)
  }

  set(task: number, piece: number, plain: Uint8Array): void {
    this.forget(task, piece)
    this.#pieces.set(`${task}:${piece}`, plain)
    this.#bytes += plain.byteLength
    for (const [oldest, bytes] of this.#pieces) {
      if (this.#bytes <= maxBytes) return
      this.#pieces.delete(oldest)
      this.#bytes -= bytes.byteLength
    }
  }

  forget(task: number, piece: number): void {
    const key = `${task}:${piece}`
    this.#bytes -= this.#pieces.get(key)?.byteLength ?? 0
    this.#pieces.delete(key)
  }
}
