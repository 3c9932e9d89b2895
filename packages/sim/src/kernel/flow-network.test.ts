import { seededRandom } from '@damselfly/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FlowNetwork } from './flow-network.ts'

const exact = { changedShare: 0, maxStaleMs: 0 }

/** Runs until nothing is left to do; `onEnd` may start more. */
function run(network: FlowNetwork, onEnd: (flow: number, now: number) => void = () => {}): number {
  let now = 0
  while (network.nextAt < Number.POSITIVE_INFINITY) {
    now = network.nextAt
    for (let flow = network.takeEnded(now); flow >= 0; flow = network.takeEnded(now)) {
      onEnd(flow, now)
    }
    network.settle(now)
  }
  return now
}

describe('max-min sharing', () => {
  test('flows share a link equally, and what one cannot use goes to the others', () => {
    const network = new FlowNetwork(exact)
    const wide = network.addLink(100)
    const narrow = network.addLink(10)
    const flows = [[wide], [wide], [wide, narrow]].map((path) => network.start(path, 900, 0))
    network.settle(0)
    expect(flows.map((flow) => network.rate(flow))).toEqual([45, 45, 10])
  })

  test('no link carries more than it can, and every flow has a full link where nobody gets more', () => {
    const property = fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed)
      const network = new FlowNetwork(exact)
      const capacities = Array.from({ length: 12 }, () => 1 + Math.floor(random.next() * 100))
      const links = capacities.map((capacity) => network.addLink(capacity))
      const flows = Array.from({ length: 40 }, () => {
        const path = links.filter(() => random.next() < 0.2)
        if (path.length === 0) path.push(links[0]!)
        return { path: path.slice(0, 6), flow: 0 }
      })
      for (const one of flows) one.flow = network.start(one.path, 1000, 0)
      network.settle(0)
      const on = links.map((link) => flows.filter(({ path }) => path.includes(link)))
      const used = on.map((here) => here.reduce((sum, { flow }) => sum + network.rate(flow), 0))
      for (const link of links) expect(used[link]).toBeLessThanOrEqual(capacities[link]! + 1e-9)
      for (const { path, flow } of flows) {
        const bottleneck = path.find((link) => {
          const highest = Math.max(...on[link]!.map((other) => network.rate(other.flow)))
          return used[link]! > capacities[link]! - 1e-9 && network.rate(flow) > highest - 1e-9
        })
        expect(bottleneck, `flow ${flow}, seed ${seed}`).toBeDefined()
      }
    })
    fc.assert(property, { numRuns: 50 })
  })

  test('a flow ends when its bytes are through, and its share goes to the rest', () => {
    const network = new FlowNetwork(exact)
    const link = network.addLink(10)
    const first = network.start([link], 100, 0)
    const second = network.start([link], 200, 0)
    const ends: [number, number][] = []
    run(network, (flow, now) => ends.push([flow, now]))
    expect(ends).toEqual([
      [first, 20],
      [second, 30],
    ])
  })

  test('between computations a new flow gets only what is left', () => {
    const network = new FlowNetwork({ changedShare: 10, maxStaleMs: 8 })
    const link = network.addLink(10)
    const first = network.start([link], 1000, 0)
    const second = network.start([link], 1000, 0)
    expect([network.rate(first), network.rate(second)]).toEqual([10, 0])
    network.settle(8)
    expect([network.rate(first), network.rate(second)]).toEqual([5, 5])
    expect(network.left(first, 10)).toBe(910)
  })

  test('a flow that is stopped tells what was left; one that is held waits', () => {
    const network = new FlowNetwork(exact)
    const link = network.addLink(10)
    const stopped = network.start([link], 100, 0)
    expect(network.stop(stopped, 4)).toBe(60)
    const held = network.start([link], 100, 4)
    network.hold(held, true, 4)
    network.settle(4)
    expect(network.left(held, 1000)).toBe(100)
    network.hold(held, false, 1000)
    network.settle(1000)
    expect(network.nextAt).toBe(1010)
  })
})
