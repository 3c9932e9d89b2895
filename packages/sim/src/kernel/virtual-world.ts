import { Cabling, type CablingOptions } from './cabling.ts'
import { EventQueue } from './event-queue.ts'
import { FlowNetwork, type FlowNetworkOptions } from './flow-network.ts'

/** What happens in a world. Everything comes in the order of virtual time, always in the same one. */
export interface WorldHandler {
  onEvent(kind: number, a: number, b: number): void
  /** The last byte of a flow has left the network. */
  onFlowEnd(flow: number): void
  /** Asked after each moment. */
  readonly isOver: boolean
}

/** Time and the network of a simulation. */
export class VirtualWorld {
  /** Milliseconds since the start. */
  now = 0
  readonly queue = new EventQueue()
  readonly network: FlowNetwork
  readonly cabling: Cabling
  /** Events and flow ends so far. */
  eventCount = 0

  constructor(cabling: CablingOptions, network?: FlowNetworkOptions) {
    this.network = new FlowNetwork(network)
    this.cabling = new Cabling(this.network, cabling)
  }

  /** Lets an event happen after so many milliseconds. */
  after(ms: number, kind: number, a = 0, b = 0): void {
    this.queue.push(this.now + ms, kind, a, b)
  }

  /** Goes on until nothing is left, the handler says so, or `endMs` is reached. */
  run(handler: WorldHandler, endMs: number): void {
    const { queue, network } = this
    while (!handler.isOver) {
      const at = Math.min(queue.nextAt, network.nextAt)
      if (at > endMs || at === Number.POSITIVE_INFINITY) return
      this.now = at
      while (queue.nextAt <= at && queue.pop()) {
        this.eventCount += 1
        handler.onEvent(queue.kind, queue.a, queue.b)
      }
      for (let flow = network.takeEnded(at); flow >= 0; flow = network.takeEnded(at)) {
        this.eventCount += 1
        handler.onFlowEnd(flow)
      }
      network.settle(at)
    }
  }
}
