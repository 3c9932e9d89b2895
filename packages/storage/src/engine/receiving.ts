/** The pieces of a task that somebody receives. Most tasks of a store have none, so nothing is made before it is needed. */
export class Receiving {
  #pieces: Set<number> | undefined
  /** Writes of aborted writers that have not reached the content; they would fall onto a later writer's bytes. */
  #straying: Map<number, Promise<unknown>> | undefined

  get size(): number {
    return this.#pieces?.size ?? 0
  }

  has(number: number): boolean {
    return this.#pieces?.has(number) ?? false
  }

  add(number: number): void {
    this.#pieces ??= new Set()
    this.#pieces.add(number)
  }

  delete(number: number): void {
    this.#pieces?.delete(number)
  }

  straying(number: number): Promise<unknown> | undefined {
    return this.#straying?.get(number)
  }

  strays(number: number, lastWrite: Promise<unknown>): void {
    this.#straying ??= new Map()
    const straying = this.#straying
    const settled = lastWrite
      .catch(() => {})
      .then(() => {
        if (straying.get(number) === settled) straying.delete(number)
      })
    straying.set(number, settled)
  }
}
