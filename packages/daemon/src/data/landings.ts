/**
 * Pieces whose last bytes are on their way to the disk while the next one is cut already. They are told in the order in which
 * they were cut, each when all its bytes are down; none after the first that failed. How many there are the disk's queue bounds.
 */
export class Landings {
  #last: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  /** `landing` settles when nothing of the piece is being written any more. Throws what an earlier one came to. */
  add<T>(landing: Promise<T>, landed: (value: T) => void): void {
    this.#last = Promise.allSettled([landing, this.#last]).then(([result]) => {
      if (result.status === 'rejected') this.#failure ??= { error: result.reason }
      else if (this.#failure === undefined) landed(result.value)
    })
    this.check()
  }

  /** Throws what the first that failed came to. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Resolves when nothing is being written any more, whether it went well or not. */
  settled(): Promise<void> {
    return this.#last
  }
}
