import { describe, expect, test } from 'vitest'
import { summarise } from './report/summary.ts'
import { runScenario } from './run-scenario.ts'
import { MIB, type Scenario } from './scenarios/scenario.ts'

const small: Scenario = {
  name: 'small',
  title: '40 peers',
  peers: 40,
  pieceCount: 64,
  pieceBytes: 4 * MIB,
  seeds: { count: 1, speed: 1 },
}
const cold: Partial<Scenario> = { origin: 1, seeds: { count: 1, speed: 1, startMs: 300 } }

const run = (more: Partial<Scenario> = {}, policy = 'default', seed = 1) =>
  runScenario({ ...small, ...more }, { policy, seed })

describe('a simulated swarm', () => {
  test('is the same for the same seed, to the last bit, and another one for another', () => {
    const first = run({ deaths: 0.1, stragglers: 0.1 })
    expect(run({ deaths: 0.1, stragglers: 0.1 })).toEqual(first)
    expect(run({ deaths: 0.1, stragglers: 0.1 }, 'default', 2).durations).not.toEqual(
      first.durations,
    )
  })

  test.each(['default', 'random', 'two-choices', 'bandit', 'dragonfly-parents', 'dragonfly'])(
    'is complete under %s and not faster than its bound',
    (policy) => {
      const { unfinished, makespan, p50 } = summarise(run({}, policy))
      expect(unfinished).toBe(0)
      expect(makespan).toBeGreaterThan(1)
      expect(p50).toBeLessThanOrEqual(makespan)
    },
  )

  test('takes each byte from the origin once when nobody holds it', () => {
    const { unfinished, originCopies } = summarise(run(cold))
    expect(unfinished).toBe(0)
    expect(originCopies).toBeCloseTo(1, 6)
  })

  test('keeps most bytes within racks', () => {
    const { crossRack } = summarise(run({ racks: { count: 4, oversubscription: 4 } }))
    expect(crossRack).toBeLessThan(0.3)
  })

  test('reads in order where somebody reads', () => {
    expect(summarise(run({ pieceCount: 256, hasReaders: true })).firstTenth).toBeLessThan(0.4)
  })

  test('ends without those who die', () => {
    const { durations, unfinished } = run({ deaths: 0.25 })
    expect(unfinished).toBe(0)
    expect(durations.length).toBeLessThan(40)
  })
})

describe('a swarm with faults', () => {
  test('goes on when the scheduler comes back with nothing, and asks the origin for nothing twice', () => {
    const faults = [{ type: 'schedulerRestart', at: 0.4, until: 0.7 }] as const
    const { unfinished, originCopies } = summarise(run({ ...cold, faults }))
    expect(unfinished).toBe(0)
    expect(originCopies).toBeLessThanOrEqual(1.02)
  })

  test.each([
    { type: 'hostRestart', at: 0.4, until: 0.7, share: 0.3 },
    { type: 'partition', at: 0.3, until: 2, share: 0.3 },
    { type: 'seedDeath', at: 0.4 },
  ] as const)('is complete after $type', (fault) => {
    const seeds = { count: 2, speed: 1, startMs: 0 }
    expect(summarise(run({ origin: 1, seeds, faults: [fault] })).unfinished).toBe(0)
  })
})

test('the model of Dragonfly comes near what it is calibrated by', () => {
  const usual = { peers: 100, pieceCount: 256 }
  const { makespan, seedCopies } = summarise(run(usual, 'dragonfly'))
  expect(Math.abs(makespan / 3.26 - 1)).toBeLessThan(0.05)
  expect(seedCopies).toBeCloseTo(3, 1)
})

test("a seed that starts late sends 201 of Dragonfly's peers and itself to the origin", () => {
  const late = { peers: 250, origin: 10, seeds: { count: 1, speed: 1, startMs: 2500 } }
  const { originCopies, unfinished } = summarise(run(late, 'dragonfly'))
  expect(unfinished).toBe(0)
  expect(originCopies).toBeGreaterThan(150)
})
