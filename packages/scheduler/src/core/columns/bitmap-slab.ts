import { grown } from './grow.ts'

/**
 * Bitmaps of all peers in one array: 32 bytes for 256 pieces, with no object for each. A bitmap is the offset of its first
 * word; 0 is none. What is given back is used for the next one of the same length.
 */
export class BitmapSlab {
  words = new Uint32Array(1)
  #end = 1
  /** Offsets by length. */
  readonly #free = new Map<number, number[]>()

  /** All zero. */
  take(length: number): number {
    const used = this.#free.get(length)?.pop()
    if (used !== undefined) {
      this.words.fill(0, used, used + length)
      return used
    }
    const offset = this.#end
    this.#end += length
    if (this.#end > this.words.length) this.words = grown(this.words, this.#end)
    return offset
  }

  giveBack(offset: number, length: number): void {
    const free = this.#free.get(length)
    if (free === undefined) this.#free.set(length, [offset])
    else free.push(offset)
  }
}
