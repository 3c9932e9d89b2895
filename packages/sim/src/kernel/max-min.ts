import { type FlowTable, MAX_HOPS } from './flow-table.ts'

/**
 * Exact max-min fair rates by water-filling: the link that leaves the least to each of its flows settles those,
 * what they take is subtracted from their other links, and so on. A link's share never falls while others are
 * settled, so a heap of links with shares that may be out of date (too small) is enough.
 */
export class MaxMin {
  #capacity = new Float64Array(256)
  /** What is not in use. */
  #rest = new Float64Array(256)
  #links = 0

  // Scratch of `fill`, by link: flows not yet settled, and where the link's flows stand in `#members`.
  #open = new Int32Array(256)
  #begin = new Int32Array(257)
  #members = new Int32Array(1024 * MAX_HOPS)
  #isSettled = new Uint8Array(1024)
  // The heap of links.
  #heap = new Int32Array(256)
  #keys = new Float64Array(256)
  #heapSize = 0

  addLink(bytesPerMs: number): number {
    if (this.#links === this.#capacity.length) this.#growLinks()
    const link = this.#links
    this.#links += 1
    this.#capacity[link] = bytesPerMs
    this.#rest[link] = bytesPerMs
    return link
  }

  setCapacity(link: number, bytesPerMs: number): void {
    this.#capacity[link] = bytesPerMs
  }

  /** The rate of a flow that begins between two fillings: what all its links have left. */
  takeRest({ hops, hopCount }: FlowTable, flow: number): number {
    const from = flow * MAX_HOPS
    const to = from + (hopCount[flow] as number)
    let rate = Number.POSITIVE_INFINITY
    for (let i = from; i < to; i++) {
      rate = Math.min(rate, this.#rest[hops[i] as number] as number)
    }
    for (let i = from; i < to; i++) {
      const link = hops[i] as number
      this.#rest[link] = (this.#rest[link] as number) - rate
    }
    return rate
  }

  giveBack({ hops, hopCount, rate }: FlowTable, flow: number): void {
    const from = flow * MAX_HOPS
    const to = from + (hopCount[flow] as number)
    for (let i = from; i < to; i++) {
      const link = hops[i] as number
      this.#rest[link] = (this.#rest[link] as number) + (rate[flow] as number)
    }
  }

  /** Sets `rate` of every active flow. */
  fill(flows: FlowTable): void {
    this.#reset(flows)
    while (this.#heapSize > 0) {
      const link = this.#heap[0] as number
      const open = this.#open[link] as number
      const share = open === 0 ? 0 : Math.max(0, (this.#rest[link] as number) / open)
      if (open > 0 && share > (this.#keys[link] as number)) {
        this.#keys[link] = share
        this.#sink(0, link)
        continue
      }
      this.#heapSize -= 1
      if (this.#heapSize > 0) this.#sink(0, this.#heap[this.#heapSize] as number)
      if (open > 0) this.#settleFlowsOf(link, share, flows)
    }
  }

  #settleFlowsOf(link: number, share: number, flows: FlowTable): void {
    const { hops, hopCount, rate } = flows
    const end = this.#begin[link + 1] as number
    for (let i = this.#begin[link] as number; i < end; i++) {
      const flow = this.#members[i] as number
      if (this.#isSettled[flow] === 1) continue
      this.#isSettled[flow] = 1
      rate[flow] = share
      const from = flow * MAX_HOPS
      const to = from + (hopCount[flow] as number)
      for (let h = from; h < to; h++) {
        const other = hops[h] as number
        this.#rest[other] = Math.max(0, (this.#rest[other] as number) - share)
        this.#open[other] = (this.#open[other] as number) - 1
      }
    }
  }

  /** All links empty, all flows open, and the heap of the links that carry any. */
  #reset(flows: FlowTable): void {
    const { active, hops, hopCount, isHeld, rate } = flows
    if (this.#isSettled.length < rate.length) {
      this.#isSettled = new Uint8Array(rate.length)
      this.#members = new Int32Array(rate.length * MAX_HOPS)
    }
    this.#rest.set(this.#capacity)
    this.#open.fill(0)
    for (const flow of active) {
      this.#isSettled[flow] = isHeld[flow] as number
      if (isHeld[flow] === 1) rate[flow] = 0
      else this.#count(flow * MAX_HOPS, hopCount[flow] as number, hops)
    }
    let next = 0
    for (let link = 0; link < this.#links; link++) {
      next += this.#open[link] as number
      // The end for now; each member that is put in moves it down to the beginning.
      this.#begin[link] = next
    }
    this.#begin[this.#links] = next
    for (const flow of active) {
      if (isHeld[flow] === 1) continue
      const from = flow * MAX_HOPS
      const to = from + (hopCount[flow] as number)
      for (let h = from; h < to; h++) {
        const link = hops[h] as number
        const place = (this.#begin[link] as number) - 1
        this.#begin[link] = place
        this.#members[place] = flow
      }
    }
    this.#buildHeap()
  }

  #count(from: number, hopCount: number, hops: Int32Array): void {
    for (let h = from; h < from + hopCount; h++) {
      const link = hops[h] as number
      this.#open[link] = (this.#open[link] as number) + 1
    }
  }

  #buildHeap(): void {
    this.#heapSize = 0
    for (let link = 0; link < this.#links; link++) {
      const open = this.#open[link] as number
      if (open === 0) continue
      this.#keys[link] = (this.#rest[link] as number) / open
      this.#heap[this.#heapSize] = link
      this.#heapSize += 1
    }
    for (let place = (this.#heapSize >> 1) - 1; place >= 0; place--) {
      this.#sink(place, this.#heap[place] as number)
    }
  }

  #sink(from: number, link: number): void {
    const heap = this.#heap
    const keys = this.#keys
    const key = keys[link] as number
    let place = from
    for (;;) {
      let down = 2 * place + 1
      if (down >= this.#heapSize) break
      const left = keys[heap[down] as number] as number
      if (down + 1 < this.#heapSize && (keys[heap[down + 1] as number] as number) < left) down += 1
      const child = heap[down] as number
      if ((keys[child] as number) >= key) break
      heap[place] = child
      place = down
    }
    heap[place] = link
  }

  #growLinks(): void {
    const size = this.#capacity.length * 2
    const capacity = new Float64Array(size)
    const rest = new Float64Array(size)
    capacity.set(this.#capacity)
    rest.set(this.#rest)
    this.#capacity = capacity
    this.#rest = rest
    this.#open = new Int32Array(size)
    this.#begin = new Int32Array(size + 1)
    this.#heap = new Int32Array(size)
    this.#keys = new Float64Array(size)
  }
}
