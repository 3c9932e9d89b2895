/** The pieces of a task that somebody receives. */
export class Receiving {
  readonly #pieces = new Set<number>()
  /** Writes of aborted writers that have not reached the content; they would fall onto a later writer's bytes. */
  readonly #straying = new Map<number, Promise<unknown>>()

  get size(): number {
    return this.#pieces.size
  }

  has(number: number): boolean {
    return this.#pieces.has(number)
  }

  add(number: number): void {
    this.#pieces.add(number)
  }

  delete(number: number): void {
    this.#pieces.delete(number)
  }

  straying(number: number): Promise<unknown> | undefined {
    return this.#straying.get(number)
  }

  strays(number: number, lastWrite: Promise<unknown>): void {
    const settled = lastWrite
      .catch(() => {})
      .then(() => {
        if (this.#straying.get(number) === settled) this.#straying.delete(number)
      })
    this.#straying.set(number, settled)
  }
}
