/**
 * What will happen, in the order of virtual time; what is due at the same time happens in the order in which it was
 * scheduled. An event is a kind and two numbers, so that millions of them cost no garbage.
 */
export class EventQueue {
  /** The event that `pop` took out last. */
  at = 0
  kind = 0
  a = 0
  b = 0

  #count = 0
  #sequence = 0
  #times = new Float64Array(1024)
  #orders = new Float64Array(1024)
  #kinds = new Uint8Array(1024)
  #as = new Int32Array(1024)
  #bs = new Int32Array(1024)

  get size(): number {
    return this.#count
  }

  /** When the next event is due; Infinity without any. */
  get nextAt(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  /** `kind` 0 to 255, `a` and `b` 32-bit integers. */
  push(at: number, kind: number, a = 0, b = 0): void {
    if (this.#count === this.#times.length) this.#grow()
    let hole = this.#count
    this.#count += 1
    this.#sequence += 1
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      // A new event has the greatest number so far, so at equal times it stays below.
      if ((this.#times[parent] as number) <= at) break
      this.#move(parent, hole)
      hole = parent
    }
    this.#put(hole, at, this.#sequence, kind, a, b)
  }

  /** False when there is none left. */
  pop(): boolean {
    if (this.#count === 0) return false
    this.at = this.#times[0] as number
    this.kind = this.#kinds[0] as number
    this.a = this.#as[0] as number
    this.b = this.#bs[0] as number
    this.#count -= 1
    const last = this.#count
    if (last > 0) this.#sink(last)
    return true
  }

  /** The event at `from` takes the place at the top and goes down to where it belongs. */
  #sink(from: number): void {
    const at = this.#times[from] as number
    const order = this.#orders[from] as number
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      if (child >= this.#count) break
      if (child + 1 < this.#count && this.#isBefore(child + 1, child)) child += 1
      const childAt = this.#times[child] as number
      if (childAt > at || (childAt === at && (this.#orders[child] as number) > order)) break
      this.#move(child, hole)
      hole = child
    }
    this.#move(from, hole)
  }

  #isBefore(a: number, b: number): boolean {
    const timeA = this.#times[a] as number
    const timeB = this.#times[b] as number
    if (timeA !== timeB) return timeA < timeB
    return (this.#orders[a] as number) < (this.#orders[b] as number)
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number
    this.#orders[to] = this.#orders[from] as number
    this.#kinds[to] = this.#kinds[from] as number
    this.#as[to] = this.#as[from] as number
    this.#bs[to] = this.#bs[from] as number
  }

  #put(index: number, at: number, order: number, kind: number, a: number, b: number): void {
    this.#times[index] = at
    this.#orders[index] = order
    this.#kinds[index] = kind
    this.#as[index] = a
    this.#bs[index] = b
  }

  #grow(): void {
    const size = this.#times.length * 2
    const times = new Float64Array(size)
    const orders = new Float64Array(size)
    const kinds = new Uint8Array(size)
    const as = new Int32Array(size)
    const bs = new Int32Array(size)
    times.set(this.#times)
    orders.set(this.#orders)
    kinds.set(this.#kinds)
    as.set(this.#as)
    bs.set(this.#bs)
    this.#times = times
    this.#orders = orders
    this.#kinds = kinds
    this.#as = as
    this.#bs = bs
  }
}
