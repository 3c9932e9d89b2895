import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asTaskId, seededRandom, silentLog, systemDisk } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { createPolicy } from '@damselfly/policy'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { randomRecord } from './experiment-fixture.ts'
import { experimentsConfigSchema } from './experiments-config.ts'
import { randomSwarm } from './shadow/shadow-fixture.ts'
import { startExperiments } from './start-experiments.ts'

const run = { name: 'configured', candidates: [{ name: 'two', policy: { name: 'two-choices' } }] }

let dir: string
let clock: FakeClock
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'experiments-'))
  clock = new FakeClock(1_000)
  onTestFinished(() => systemDisk.remove(dir))
})

async function start(config: object = {}) {
  const running = await startExperiments(experimentsConfigSchema.parse(config), {
    clock,
    random: seededRandom(1),
    disk: systemDisk,
    log: silentLog,
    core: () => ({ statPeer: () => undefined }),
    tickMs: 1_000,
  })
  onTestFinished(() => running.stop())
  return running
}

describe('startExperiments', () => {
  it('runs the experiment of the configuration', async () => {
    const { experiments, chooseArm } = await start({ run })
    expect(experiments.status()?.experiment.name).toBe('configured')
    expect(chooseArm(asTaskId('t'), 1_000)).toBeDefined()
  })

  it('goes on where it was', async () => {
    const first = await start({ dir, run })
    const record = randomRecord(seededRandom(1), 'two', { mean: 0, sd: 0.1 })
    first.experiments.record({ ...record, bornAt: 1_000 })
    await first.stop()
    await clock.advance(5_000)
    const { experiments } = await start({ dir, run })
    expect(experiments.status()).toMatchObject({ startedAt: 1_000, swarms: 1 })
  })

  it('does not start again what was stopped', async () => {
    const first = await start({ dir, run })
    first.experiments.stop()
    await first.stop()
    const second = await start({ dir, run })
    expect(second.experiments.status()?.stoppedAt).toBe(1_000)
    expect(second.chooseArm(asTaskId('t'), 1_000)).toBeUndefined()
    second.experiments.start({ ...run, name: 'by-hand' })
    await second.stop()
    const third = await start({ dir, run })
    expect(third.experiments.status()?.experiment.name).toBe('by-hand')
  })

  it('asks the policy on trial and writes decisions down', async () => {
    const shadow = { policy: { name: 'random' }, share: 1 }
    const running = await start({ dir, shadow, snapshotShare: 1 })
    const policy = running.watched(createPolicy('default'))
    const out = new Int32Array(8)
    policy.parents(randomSwarm(50), 3, 8, seededRandom(1), out, new Int32Array(0))
    expect(running.shadowReport()).toMatchObject({ candidate: 'random', decisions: 1 })
    await running.stop()
    const { sizeBytes } = (await systemDisk.stat(join(dir, 'decisions.jsonl'))) ?? {}
    expect(sizeBytes).toBeGreaterThan(1_000)
  })

  it('leaves decisions alone while ticks come late', async () => {
    const running = await start({ shadow: { policy: { name: 'random' }, share: 1 } })
    running.observe({ type: 'tick' })
    await clock.advance(1_100)
    running.observe({ type: 'tick' })
    const policy = running.watched(createPolicy('default'))
    const out = new Int32Array(8)
    policy.parents(randomSwarm(50), 3, 8, seededRandom(1), out, new Int32Array(0))
    expect(running.shadowReport()).toMatchObject({ decisions: 0, skipped: 1 })
  })

  it('does nothing when nothing is configured', async () => {
    const running = await start()
    expect(running.experiments.status()).toBeUndefined()
    expect(running.shadowReport()).toBeUndefined()
  })
})
