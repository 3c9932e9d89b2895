import { describe, expect, test } from 'vitest'
import { Cabling, type HostPort } from './cabling.ts'
import { FlowNetwork } from './flow-network.ts'

const PIECES = 256
const PIECE_BYTES = 4096
const RATE = 1024

interface Shape {
  /** The parent of host i + 1. */
  readonly parents: readonly number[]
  readonly port?: (host: number) => Partial<HostPort>
  readonly rackBytesPerMs?: number
}

/** Makespan, in units of the time that one copy takes: a host hands on each piece in order, all children at once. */
function makespan({ parents, port = () => ({}), rackBytesPerMs }: Shape): number {
  const network = new FlowNetwork({ changedShare: 0, maxStaleMs: 0 })
  const latencyMs = { rack: 0, site: 0, wide: 0 }
  const cabling = new Cabling(network, {
    latencyMs,
    ...(rackBytesPerMs === undefined ? {} : { rackBytesPerMs }),
  })
  const usual = { upBytesPerMs: RATE, downBytesPerMs: RATE, rack: 0, site: 0 }
  for (let host = 0; host <= parents.length; host++) cabling.addHost({ ...usual, ...port(host) })
  const have = [PIECES, ...parents.map(() => 0)]
  const isBusy = have.map(() => false)
  const children = have.map((_, host) => parents.flatMap((p, i) => (p === host ? [i + 1] : [])))
  const ends = new Map<number, number>()
  let now = 0
  const feed = (child: number): void => {
    const parent = parents[child - 1]!
    if (isBusy[child] || have[child]! >= have[parent]!) return
    isBusy[child] = true
    ends.set(network.start(cabling.path(parent, child), PIECE_BYTES, now), child)
  }
  for (let child = 1; child < have.length; child++) feed(child)
  while (network.nextAt < Number.POSITIVE_INFINITY) {
    now = network.nextAt
    for (let flow = network.takeEnded(now); flow >= 0; flow = network.takeEnded(now)) {
      const host = ends.get(flow)!
      isBusy[host] = false
      have[host] = have[host]! + 1
      feed(host)
      for (const child of children[host]!) feed(child)
    }
    network.settle(now)
  }
  expect(have.every((count) => count === PIECES)).toBe(true)
  return now / ((PIECES * PIECE_BYTES) / RATE)
}

const chain = (length: number) => Array.from({ length }, (_, i) => i)
const star = (leaves: number) => Array.from({ length: leaves }, () => 0)

describe('shapes whose makespan is known', () => {
  test.each([
    [10, (PIECES + 9) / PIECES],
    [100, (PIECES + 99) / PIECES],
  ])('a chain of %i', (length, expected) => {
    expect(makespan({ parents: chain(length) })).toBeCloseTo(expected, 9)
  })

  test('a binary tree of 62 sends every byte twice through each uplink, six levels deep', () => {
    const parents = Array.from({ length: 126 - 64 }, (_, i) => Math.floor(i / 2))
    expect(makespan({ parents })).toBeCloseTo((2 * (PIECES + 4)) / PIECES, 9)
  })

  test('stars are as slow as the uplink in the middle', () => {
    expect(makespan({ parents: star(4) })).toBeCloseTo(4, 9)
    const port = (host: number) => (host === 0 ? { upBytesPerMs: 2 * RATE } : {})
    expect(makespan({ parents: star(4), port })).toBeCloseTo(2, 9)
  })

  test('a star into another rack is as slow as the rack', () => {
    const port = (host: number) => (host === 0 ? { upBytesPerMs: 40 * RATE, rack: 0 } : { rack: 1 })
    expect(makespan({ parents: star(20), port, rackBytesPerMs: RATE })).toBeCloseTo(20, 9)
  })

  test('a host listens no faster than its downlink', () => {
    const port = (host: number) => (host === 1 ? { downBytesPerMs: RATE / 3 } : {})
    expect(makespan({ parents: star(1), port })).toBeCloseTo(3, 9)
  })
})
