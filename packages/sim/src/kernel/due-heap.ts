/** Numbers in the order of a time that each has; any of them can be taken out. */
export class DueHeap {
  #items = new Int32Array(256)
  #places = new Int32Array(256).fill(-1)
  #count = 0
  readonly #dueOf: (item: number) => number

  /** Items with the same time come in the order of their numbers. */
  constructor(dueOf: (item: number) => number) {
    this.#dueOf = dueOf
  }

  get size(): number {
    return this.#count
  }

  /** -1 without any. */
  get first(): number {
    return this.#count === 0 ? -1 : (this.#items[0] as number)
  }

  add(item: number): void {
    this.#reserve(item)
    this.#rise(this.#count++, item)
  }

  remove(item: number): void {
    const place = this.#places[item] as number
    this.#places[item] = -1
    this.#count -= 1
    if (place === this.#count) return
    const last = this.#items[this.#count] as number
    if (this.#isBefore(last, item)) this.#rise(place, last)
    else this.#sink(place, last)
  }

  /** Every time may have changed. */
  reorder(): void {
    for (let place = (this.#count >> 1) - 1; place >= 0; place--) {
      this.#sink(place, this.#items[place] as number)
    }
  }

  #rise(from: number, item: number): void {
    let place = from
    while (place > 0) {
      const up = (place - 1) >> 1
      const parent = this.#items[up] as number
      if (!this.#isBefore(item, parent)) break
      this.#put(place, parent)
      place = up
    }
    this.#put(place, item)
  }

  #sink(from: number, item: number): void {
    let place = from
    for (;;) {
      let down = 2 * place + 1
      if (down >= this.#count) break
      const right = this.#items[down + 1] as number
      if (down + 1 < this.#count && this.#isBefore(right, this.#items[down] as number)) down += 1
      const child = this.#items[down] as number
      if (!this.#isBefore(child, item)) break
      this.#put(place, child)
      place = down
    }
    this.#put(place, item)
  }

  #put(place: number, item: number): void {
    this.#items[place] = item
    this.#places[item] = place
  }

  #isBefore(a: number, b: number): boolean {
    const dueA = this.#dueOf(a)
    const dueB = this.#dueOf(b)
    return dueA === dueB ? a < b : dueA < dueB
  }

  #reserve(item: number): void {
    if (this.#count + 1 >= this.#items.length) this.#items = grown(this.#items, 0)
    while (item >= this.#places.length) this.#places = grown(this.#places, -1)
  }
}

function grown(array: Int32Array<ArrayBuffer>, filler: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2).fill(filler)
  larger.set(array)
  return larger
}
