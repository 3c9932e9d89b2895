/** Those who want to hear of one kind of event. */
export class Listeners<T> {
  readonly #listeners = new Set<{ readonly fn: (event: T) => void }>()

  /** The returned function removes the listener again. One function added twice is called twice. */
  add(fn: (event: T) => void): () => void {
    const listener = { fn }
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get size(): number {
    return this.#listeners.size
  }

  /**
   * Calls all who are there now, in the order they came. When one throws, the others are still called and the
   * first error goes to the caller.
   */
  emit(event: T): void {
    const failures: unknown[] = []
    for (const listener of [...this.#listeners]) {
      // A listener may have been removed by one before it.
      if (!this.#listeners.has(listener)) continue
      try {
        listener.fn(event)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
