/** Objects by number, so that events can carry them. A number is used again after its object was taken. */
export class Slab<T> {
  readonly #items: (T | undefined)[] = []
  readonly #free: number[] = []

  put(item: T): number {
    const index = this.#free.pop() ?? this.#items.length
    this.#items[index] = item
    return index
  }

  get(index: number): T {
    const item = this.#items[index]
    if (item === undefined) throw new RangeError(`There is no item ${index}.`)
    return item
  }

  take(index: number): T {
    const item = this.get(index)
    this.#items[index] = undefined
    this.#free.push(index)
    return item
  }
}
