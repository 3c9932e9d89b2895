/** The best of those that are added, best first, in an array of the caller; equal ones keep their order. */
export class TopList {
  readonly #scores: Float64Array
  #out: Int32Array = new Int32Array(0)
  #limit = 0
  #size = 0

  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity)
  }

  get size(): number {
    return this.#size
  }

  /** Keeps up to `limit`, and never more than the capacity. */
  start(out: Int32Array, limit: number): void {
    this.#out = out
    this.#limit = Math.min(limit, this.#scores.length)
    this.#size = 0
  }

  add(id: number, score: number): void {
    const scores = this.#scores
    const out = this.#out
    let at = this.#size
    while (at > 0 && score > (scores[at - 1] as number)) {
      if (at < this.#limit) {
        scores[at] = scores[at - 1] as number
        out[at] = out[at - 1] as number
      }
      at -= 1
    }
    if (at === this.#limit) return
    scores[at] = score
    out[at] = id
    if (this.#size < this.#limit) this.#size += 1
  }
}
