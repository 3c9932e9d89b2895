/** Hands out row numbers; those that are given back are used first. */
export class Slots {
  readonly #free: number[] = []
  #end = 0

  take(): number {
    const slot = this.#free.pop() ?? this.#end
    if (slot === this.#end) this.#end += 1
    return slot
  }

  giveBack(slot: number): void {
    this.#free.push(slot)
  }
}
