import { seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { experimentReport } from './experiment-report.ts'
import { liveSwarm, type SimulatedRecord } from './live-traffic.ts'
import { scaledTo, spread, trueEffect } from './scale-effect.ts'
import type { SwarmPair } from './swarm-pool.ts'
import { runTrial } from './trials.ts'

const mib = 1024 ** 2

const record = (meanSeconds: number): SimulatedRecord => ({
  peers: 40,
  failedPeers: 0,
  contentLength: 64 * mib,
  pieceCount: 16,
  isWarm: true,
  idc: '',
  boundSeconds: 1,
  meanSeconds,
  p99Seconds: 1.1 * meanSeconds,
  bytes: { origin: 0, seed: 70 * mib, near: 2_490 * mib, far: 0 },
})

/** Swarms whose times spread by a factor, those of the candidate by `effect` shorter or longer. */
function pairs(effect: number, seed = 1): SwarmPair[] {
  const random = seededRandom(seed)
  return Array.from({ length: 100 }, () => {
    const seconds = Math.exp(random.next())
    return { control: record(seconds), candidate: record(seconds * Math.exp(effect)) }
  })
}

describe('scaledTo', () => {
  it('makes the effect what is asked for and leaves the control alone', () => {
    const scaled = scaledTo(-0.05, pairs(0.3))
    expect(trueEffect(scaled)).toBeCloseTo(-0.05, 12)
    expect(scaled.map(({ control }) => control)).toEqual(pairs(0.3).map(({ control }) => control))
    // The logarithms are uniform on an interval of one.
    expect(spread(scaled)).toBeCloseTo(Math.sqrt(1 / 12), 1)
  })
})

describe('runTrial', () => {
  it('ships a large gain soon, the same way for the same chance', () => {
    const run = () => runTrial(pairs(-0.3), { swarmsPerArm: 2_000, random: seededRandom(1) })
    expect(run()).toMatchObject({ verdict: 'ship', cause: 'better' })
    expect(run().foundAt).toBeLessThan(150)
    expect(run()).toEqual(run())
  })

  it('stops a large loss', () => {
    const trial = runTrial(pairs(0.3), { swarmsPerArm: 2_000, random: seededRandom(1) })
    expect(trial.verdict).toBe('stop')
  })

  it('gives up when its time is over', () => {
    const trial = runTrial(pairs(0), { swarmsPerArm: 100, random: seededRandom(1) })
    expect(trial).toMatchObject({ verdict: 'stop', cause: 'spent' })
    expect(trial).not.toHaveProperty('foundAt')
  })
})

describe('experimentReport', () => {
  it('says whether the judge finds what is there and nothing else', () => {
    const report = experimentReport(pairs(-0.2), { effect: 0.1, seed: 1, abRuns: 10, aaRuns: 20 })
    expect(report.trueEffect).toBeCloseTo(Math.log(0.9), 12)
    expect(report.simulatedEffect).toBeCloseTo(-0.2, 12)
    expect(report.ab).toMatchObject({ runs: 10, wrongSignShare: 0 })
    expect(report.aa).toMatchObject({ runs: 20, swarmsPerArm: 1_000 })
    const { medianSwarmsPerArm } = report.ab
    expect(medianSwarmsPerArm).toBeLessThan(500)
    expect(report.gates).toMatchObject([
      { value: medianSwarmsPerArm, limit: 500, ok: true },
      { value: report.aa.falsePositiveShare, limit: 0.05 },
    ])
  })

  it('fails the gate of an effect that is not found in time', () => {
    const report = experimentReport(pairs(0), { effect: 0.001, seed: 1, abRuns: 3, aaRuns: 1 })
    expect(report.ab.medianSwarmsPerArm).toBeNull()
    expect(report.gates[0]).toMatchObject({ ok: false, limit: 500 })
  })
})

describe('liveSwarm', () => {
  it('is the same for the same seed, and differs from swarm to swarm', () => {
    expect(liveSwarm(3, 1)).toEqual(liveSwarm(3, 1))
    expect(liveSwarm(3, 1)).not.toEqual(liveSwarm(4, 1))
    expect(liveSwarm(3, 1)).not.toEqual(liveSwarm(3, 2))
    const sizes = Array.from({ length: 200 }, (_, number) => liveSwarm(number, 1).peers)
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([20, 60])
  })
})
