import { DueHeap } from './due-heap.ts'
import { createFlowTable, type FlowTable, growFlows, MAX_HOPS } from './flow-table.ts'
import { MaxMin } from './max-min.ts'

export interface FlowNetworkOptions {
  /** Rates are computed again when this share of the flows has come or gone; 0 = at every change. */
  readonly changedShare: number
  /** ... and at the latest so long after a change. */
  readonly maxStaleMs: number
}

/** Compared with computing at every change this moves a makespan by about 1 %. */
export const usualNetwork: FlowNetworkOptions = { changedShare: 0.25, maxStaleMs: 8 }

/**
 * Bytes on their way, as flows that share links max-min fairly. A flow is a number that is used again after its
 * end. Between two computations a flow that begins gets what its links have left, so that no link ever carries
 * more than it can.
 */
export class FlowNetwork {
  readonly #options: FlowNetworkOptions
  readonly #flows: FlowTable = createFlowTable()
  readonly #maxMin = new MaxMin()
  readonly #due: DueHeap
  readonly #free: number[] = []
  #changes = 0
  #settleAt = Number.POSITIVE_INFINITY

  constructor(options: FlowNetworkOptions = usualNetwork) {
    this.#options = options
    const flows = this.#flows
    this.#due = new DueHeap((flow) => flows.due[flow] as number)
  }

  /** A link of so many bytes per millisecond, in one direction. */
  addLink(bytesPerMs: number): number {
    return this.#maxMin.addLink(bytesPerMs)
  }

  setCapacity(link: number, bytesPerMs: number, now: number): void {
    this.#maxMin.setCapacity(link, bytesPerMs)
    this.#settleAt = now
  }

  get flowCount(): number {
    return this.#flows.active.length
  }

  /** When `settle` or `takeEnded` has something to do. */
  get nextAt(): number {
    const { first } = this.#due
    if (first < 0) return this.#settleAt
    return Math.min(this.#flows.due[first] as number, this.#settleAt)
  }

  /** Sends so many bytes through at most six links. */
  start(path: readonly number[], bytes: number, now: number): number {
    const flows = this.#flows
    const flow = this.#free.pop() ?? flows.count++
    if (flow >= flows.rate.length) growFlows(flows)
    flows.hopCount[flow] = path.length
    for (let i = 0; i < path.length; i++) flows.hops[flow * MAX_HOPS + i] = path[i] as number
    flows.left[flow] = bytes
    flows.since[flow] = now
    flows.isHeld[flow] = 0
    flows.place[flow] = flows.active.length
    flows.active.push(flow)
    flows.rate[flow] = this.#maxMin.takeRest(flows, flow)
    this.#setDue(flow, now)
    this.#due.add(flow)
    this.#changed(now)
    return flow
  }

  /** Ends it early. Returns the bytes that had still to come. */
  stop(flow: number, now: number): number {
    const left = this.left(flow, now)
    this.#remove(flow, now)
    return left
  }

  left(flow: number, now: number): number {
    const { left, rate, since } = this.#flows
    const moved = (rate[flow] as number) * (now - (since[flow] as number))
    return Math.max(0, (left[flow] as number) - moved)
  }

  /** Bytes per millisecond. */
  rate(flow: number): number {
    return this.#flows.rate[flow] as number
  }

  /** A held flow carries nothing and takes part in no sharing, as across a partition. */
  hold(flow: number, isHeld: boolean, now: number): void {
    this.#flows.isHeld[flow] = isHeld ? 1 : 0
    this.#settleAt = now
  }

  /** A flow whose last byte has arrived by now, -1 without one. Its number is free afterwards. */
  takeEnded(now: number): number {
    const { first } = this.#due
    if (first < 0 || (this.#flows.due[first] as number) > now) return -1
    this.#remove(first, now)
    return first
  }

  /** Computes the rates again if that is due. Called after everything else that happens at `now`. */
  settle(now: number): void {
    if (now < this.#settleAt) return
    this.#settleAt = Number.POSITIVE_INFINITY
    this.#changes = 0
    const flows = this.#flows
    for (const flow of flows.active) {
      flows.left[flow] = this.left(flow, now)
      flows.since[flow] = now
    }
    this.#maxMin.fill(flows)
    for (const flow of flows.active) this.#setDue(flow, now)
    this.#due.reorder()
  }

  #remove(flow: number, now: number): void {
    const flows = this.#flows
    this.#due.remove(flow)
    this.#maxMin.giveBack(flows, flow)
    const place = flows.place[flow] as number
    const last = flows.active.pop() as number
    if (last !== flow) {
      flows.active[place] = last
      flows.place[last] = place
    }
    this.#free.push(flow)
    this.#changed(now)
  }

  #setDue(flow: number, now: number): void {
    const left = this.#flows.left[flow] as number
    const rate = this.#flows.rate[flow] as number
    // Nothing left at no rate is over too.
    this.#flows.due[flow] = left === 0 ? now : now + left / rate
  }

  #changed(now: number): void {
    this.#changes += 1
    const isDue = this.#changes > this.#options.changedShare * this.#flows.active.length
    this.#settleAt = Math.min(this.#settleAt, isDue ? now : now + this.#options.maxStaleMs)
  }
}
