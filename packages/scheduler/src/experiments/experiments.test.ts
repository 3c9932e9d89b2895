import { asTaskId, DfError, type Log, seededRandom, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { createPolicy } from '@damselfly/policy'
import { beforeEach, describe, expect, it } from 'vitest'
import { randomRecord } from './experiment-fixture.ts'
import { Experiments } from './experiments.ts'
import type { JournalEntry } from './journal-entry.ts'

const spec = {
  name: 'choices',
  candidates: [{ name: 'two', policy: { name: 'random' }, client: { concurrency: 4 } }],
}
const task = (index: number) => asTaskId(`task-${index}`)

let journal: JournalEntry[]
let told: object[]
let clock: FakeClock
let experiments: Experiments

beforeEach(() => {
  journal = []
  told = []
  clock = new FakeClock(1_000)
  experiments = create()
})

function create(): Experiments {
  const note = (data: object | string) => void told.push(Object(data))
  const log: Log = { ...silentLog, info: note, warn: note }
  return new Experiments({
    clock,
    log,
    createPolicy: ({ name, params }) => createPolicy(name, params),
    write: (entry) => void journal.push(entry),
  })
}

/** Swarms of both arms; those of the candidate are a tenth faster. */
function run(swarms: number): void {
  const random = seededRandom(1)
  for (let index = 0; index < swarms; index++) {
    const arm = index % 2 === 0 ? 'control' : 'two'
    const mean = arm === 'two' ? -0.1 : 0
    const record = randomRecord(random, arm, { mean, sd: 0.05 })
    experiments.record({ ...record, bornAt: clock.now() })
  }
}

/** As from a file. */
const lines = () => journal.map((entry): unknown => JSON.parse(JSON.stringify(entry)))

describe('Experiments', () => {
  it('gives swarms an arm while one runs', () => {
    expect(experiments.chooseArm(task(1), 0)).toBeUndefined()
    experiments.start(spec)
    const arms = Array.from({ length: 50 }, (_, index) => experiments.chooseArm(task(index), 0))
    const [control, two] = ['control', 'two'].map((name) => arms.find((arm) => arm?.name === name))
    expect(control).toEqual({ name: 'control', client: {} })
    expect(two).toMatchObject({ client: { concurrency: 4 }, policy: { name: 'random' } })
    experiments.stop()
    expect(experiments.chooseArm(task(1), 0)).toBeUndefined()
  })

  it('judges from the records', () => {
    experiments.start(spec)
    run(200)
    expect(experiments.status()).toMatchObject({
      startedAt: 1_000,
      swarms: 200,
      judgements: [{ candidate: 'two', verdict: 'ship', swarms: { control: 100, candidate: 100 } }],
    })
  })

  it('tells the log when a verdict changes, not every time', () => {
    experiments.start(spec)
    run(200)
    expect(told.filter((data) => 'verdict' in data)).toHaveLength(1)
  })

  it('runs one at a time', () => {
    experiments.start(spec)
    expect(() => experiments.start({ ...spec, name: 'other' })).toThrow(
      expect.objectContaining({
        code: 'AlreadyRunning',
        message: expect.stringMatching('choices'),
      }),
    )
    experiments.stop()
    expect(() => experiments.stop()).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    expect(experiments.start({ ...spec, name: 'other' }).experiment.name).toBe('other')
    expect(experiments.recordsBefore(Infinity, 9)).toEqual({ records: [] })
  })

  it('hands out its records page by page, newest first', async () => {
    experiments.start(spec)
    const random = seededRandom(1)
    for (let peers = 1; peers <= 5; peers++) {
      const record = randomRecord(random, peers % 2 === 0 ? 'two' : 'control', { mean: 0, sd: 0.1 })
      experiments.record({ ...record, peers, bornAt: 1_000 })
    }
    const page = (position: number, count: number, arm?: string) => {
      const { records, next } = experiments.recordsBefore(position, count, arm)
      return [records.map(({ peers }) => peers), next]
    }
    expect(page(Infinity, 2)).toEqual([[5, 4], 3])
    expect(page(3, 2)).toEqual([[3, 2], 1])
    expect(page(1, 2)).toEqual([[1], undefined])
    expect(page(Infinity, 9, 'two')).toEqual([[4, 2], undefined])
    expect(page(0, 9)).toEqual([[], undefined])
  })

  it('keeps only the newest records, and their positions', () => {
    experiments.start(spec)
    const record = randomRecord(seededRandom(1), 'two', { mean: 0, sd: 0.1 })
    for (let index = 0; index < 20_001; index++) {
      experiments.record({ ...record, peers: 2, bornAt: 1_000 })
    }
    expect(experiments.recordsBefore(2_005, 10)).toMatchObject({ records: { length: 5 } })
    expect(experiments.recordsBefore(2_000, 10)).toEqual({ records: [] })
  })

  it('starts nothing that cannot run', () => {
    const unknown = { ...spec, candidates: [{ name: 'x', policy: { name: 'none' } }] }
    expect(() => experiments.start(unknown)).toThrow(DfError)
    expect(() => experiments.start({ name: 'x' })).toThrow(DfError)
    expect(experiments.status()).toBeUndefined()
    expect(journal).toEqual([])
  })

  it('does not count what is not its own', () => {
    experiments.start(spec)
    const record = randomRecord(seededRandom(1), 'two', { mean: 0, sd: 0.1 })
    experiments.record({ ...record, bornAt: 999 })
    experiments.record({ ...record, arm: 'of another experiment', bornAt: 1_000 })
    experiments.stop()
    experiments.record({ ...record, bornAt: 1_000 })
    expect(experiments.status()?.swarms).toBe(0)
  })

  it('goes on after a restart', () => {
    experiments.start(spec)
    run(80)
    const before = experiments.status()
    const arm = experiments.chooseArm(task(7), 5)?.name
    experiments = create()
    for (const line of lines()) experiments.restore(line)
    expect(experiments.status()).toEqual(before)
    expect(experiments.chooseArm(task(7), 5)?.name).toBe(arm)
  })

  it('knows after a restart that it was stopped, and of no older experiment', async () => {
    experiments.start(spec)
    run(40)
    experiments.stop()
    await clock.advance(1_000)
    experiments.start({ ...spec, name: 'second' })
    experiments.stop()
    experiments = create()
    for (const line of lines()) experiments.restore(line)
    expect(experiments.status()).toMatchObject({ experiment: { name: 'second' }, swarms: 0 })
    expect(experiments.status()?.stoppedAt).toBeDefined()
  })

  it('reads a journal of several files and passes over what it does not know', () => {
    experiments.start(spec)
    run(10)
    const [started, ...records] = lines()
    const head: unknown = JSON.parse(JSON.stringify(experiments.head()))
    expect(head).toEqual(started)
    experiments = create()
    const strange = [{ type: 'paused' }, 7, null, { type: 'swarm', record: { arm: 'two' } }]
    for (const line of [...strange, started, ...records.slice(0, 5), head, ...records.slice(5)]) {
      experiments.restore(line)
    }
    expect(experiments.status()?.swarms).toBe(10)
  })

  it('does not go on with an experiment that this version cannot run', () => {
    experiments.restore({ type: 'started', at: 1, spec: { name: 'x', candidates: [] } })
    experiments.restore({ type: 'stopped', at: 2 })
    expect(experiments.status()).toBeUndefined()
    expect(experiments.head()).toBeUndefined()
    expect(told).toHaveLength(1)
  })
})
