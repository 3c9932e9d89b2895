import { type Random, randomInt } from '@damselfly/core'

/** A set of numbers of which one can be drawn by chance. All at constant cost. */
export class IndexedSet {
  readonly #items: number[] = []
  readonly #places = new Map<number, number>()

  get size(): number {
    return this.#items.length
  }

  has(item: number): boolean {
    return this.#places.has(item)
  }

  add(item: number): void {
    if (this.#places.has(item)) return
    this.#places.set(item, this.#items.length)
    this.#items.push(item)
  }

  delete(item: number): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#places.delete(item)
    const last = this.#items.pop()
    // The last one fills the gap.
    if (last === undefined || last === item) return
    this.#items[place] = last
    this.#places.set(last, place)
  }

  /** Each with equal probability; `undefined` of an empty set. */
  draw(random: Random): number | undefined {
    return this.#items.length === 0 ? undefined : this.#items[randomInt(random, this.#items.length)]
  }

  /** In no order; not to be changed meanwhile. */
  [Symbol.iterator](): IterableIterator<number> {
    return this.#items.values()
  }
}
