import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MemoryHost, MemorySwarm } from './swarm-fixture.ts'

/** A seed and so many peers, all neighbours of each other. */
function fullSwarm(
  peers: number,
  options: ConstructorParameters<typeof MemorySwarm>[0],
): { swarm: MemorySwarm; seed: MemoryHost; peers: MemoryHost[] } {
  const swarm = new MemorySwarm(options)
  const seed = swarm.add({ isSeed: true })
  const added = [...Array(peers)].map(() => swarm.add())
  swarm.linkAll()
  return { swarm, seed, peers: added }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

const wastedPieces = (swarm: MemorySwarm): number =>
  sum(swarm.hosts.map(({ exchange }) => exchange.wastedBytes)) / 1_000

describe('a swarm', () => {
  test.each([5, 12, 30])(
    'of %d peers is done soon, and every piece leaves the seed about once',
    (n) => {
      const pieceCount = 128
      const { swarm, seed } = fullSwarm(n, { pieceCount })
      const ms = swarm.run()
      expect(swarm.isDone).toBe(true)
      // Three pieces of 60 ms at a time is what every uplink can do.
      expect(ms / ((pieceCount * 60) / 3)).toBeLessThan(1.45)
      expect(seed.sent / pieceCount).toBeLessThan(1.3)
      expect(sum(swarm.hosts.map(({ sent }) => sent))).toBe(n * pieceCount)
    },
  )

  test('takes every piece from another rack about once', () => {
    const pieceCount = 256
    const swarm = new MemorySwarm({ pieceCount })
    swarm.add({ isSeed: true, rack: 0 })
    for (let n = 0; n < 20; n++) swarm.add({ rack: n % 2 })
    swarm.linkAll()
    swarm.run()
    expect(swarm.isDone).toBe(true)
    expect(sum(swarm.hosts.map(({ sentFar }) => sentFar)) / pieceCount).toBeLessThan(1.3)
  })

  test('goes on when hosts freeze, and wastes little', () => {
    const { swarm, peers } = fullSwarm(20, { pieceCount: 256 })
    swarm.run(1_000)
    for (const host of peers.slice(0, 3)) host.isFrozen = true
    swarm.run()
    expect(swarm.isDone).toBe(true)
    expect(swarm.now).toBeLessThan(9_000)
    expect(wastedPieces(swarm)).toBeLessThanOrEqual(0.005 * 20 * 256)
  })

  test('replaces a parent that freezes within two seconds', () => {
    const swarm = new MemorySwarm({ pieceCount: 64, pieceMs: 300 })
    const first = swarm.add({ holds: [...Array(64).keys()] })
    const second = swarm.add({ holds: [...Array(64).keys()] })
    const child = swarm.add()
    swarm.link(child, first)
    swarm.run(50)
    expect(child.exchange.flows).toHaveLength(1)
    first.isFrozen = true
    swarm.link(child, second)
    swarm.run(10_000, () => child.dropped.length > 0)
    expect(child.dropped).toMatchObject([{ who: { name: first.name } }])
    expect(swarm.now).toBeLessThanOrEqual(2_000)
    swarm.run()
    expect(child.exchange.isDone).toBe(true)
  })

  test('takes the pieces of a parent that dies from another one at once', () => {
    const swarm = new MemorySwarm({ pieceCount: 64, pieceMs: 300 })
    const first = swarm.add({ holds: [...Array(64).keys()] })
    const second = swarm.add({ holds: [...Array(64).keys()] })
    const child = swarm.add()
    swarm.link(child, first)
    swarm.run(2_050)
    swarm.link(child, second)
    const [flow] = child.exchange.flows
    swarm.unlink(child, flow?.slot ?? -1)
    swarm.run(3_000, () => child.exchange.flows.length > 0)
    expect(swarm.now).toBeLessThanOrEqual(2_150)
  })

  test('wastes next to nothing on slow hosts', () => {
    const { swarm, peers } = fullSwarm(20, { pieceCount: 256 })
    for (const host of peers.slice(0, 2)) host.slowness = 10
    swarm.run()
    expect(swarm.isDone).toBe(true)
    expect(wastedPieces(swarm)).toBeLessThanOrEqual(0.005 * 21 * 256)
  })

  test('drops who sends wrong bytes, each host after one piece', () => {
    const { swarm, peers } = fullSwarm(10, { pieceCount: 64 })
    const [liar] = peers
    if (liar !== undefined) liar.isCorrupt = true
    swarm.run(600_000, () => peers.every((p) => p === liar || p.exchange.isDone))
    for (const { dropped } of peers) expect(dropped.length).toBeLessThanOrEqual(1)
    expect(liar?.sent).toBeLessThanOrEqual(10)
    expect(sum(peers.map(({ dropped }) => dropped.length))).toBe(liar?.sent)
  })

  test('comes to its end in whatever order messages arrive, and whoever leaves', () => {
    const swarms = fc.record({
      seed: fc.nat(1_000_000),
      pieceCount: fc.integer({ min: 1, max: 40 }),
      jitterMs: fc.nat(150),
      racks: fc.integer({ min: 1, max: 3 }),
      peers: fc.integer({ min: 1, max: 7 }),
      leaver: fc.nat(7),
    })
    fc.assert(
      fc.property(swarms, ({ racks, peers, leaver, ...options }) => {
        const swarm = new MemorySwarm(options)
        const seed = swarm.add({ isSeed: true })
        for (let n = 0; n < peers; n++) swarm.add({ rack: n % racks })
        // A chain at least, so that everybody can be reached.
        swarm.linkAll(0.5)
        for (const host of swarm.hosts) {
          if (host !== seed && ![...host.links.values()].some(({ to }) => to === seed)) {
            swarm.link(host, seed)
          }
        }
        swarm.run(200)
        const gone = swarm.hosts[1 + leaver]
        if (gone !== undefined) {
          for (const slot of [...gone.links.keys()]) swarm.unlink(gone, slot)
          gone.isFrozen = true
        }
        swarm.run(120_000)
        expect(swarm.isDone).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})
