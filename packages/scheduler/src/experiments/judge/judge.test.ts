import { seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { anExperiment, aRecord, randomRecord } from '../experiment-fixture.ts'
import type { BytesByClass, SwarmRecord } from '../swarm-record.ts'
import { Judge, type Judgement } from './judge.ts'

const gib = 1024 ** 3

interface Traffic {
  readonly effect?: number
  readonly swarms?: number
  readonly seed?: number
  readonly change?: (record: SwarmRecord) => Partial<SwarmRecord>
}

/** Feeds one swarm of each arm after the other. */
function judged({ effect = 0, swarms = 500, seed = 1, change }: Traffic): Judgement {
  const random = seededRandom(seed)
  const judge = new Judge(anExperiment({ maxSwarmsPerArm: 1_000 }))
  for (let index = 0; index < swarms; index++) {
    for (const arm of ['control', 'new']) {
      const mean = 0.1 + (arm === 'new' ? effect : 0)
      const record = randomRecord(random, arm, { mean, sd: 0.1 })
      judge.add({ ...record, ...change?.(record) })
    }
  }
  const [judgement] = judge.judgements()
  if (judgement === undefined) throw new Error('no candidate')
  return judgement
}

const onlyNew = (change: (record: SwarmRecord) => Partial<SwarmRecord>) => (record: SwarmRecord) =>
  record.arm === 'new' ? change(record) : {}

const bytesWith = (change: (bytes: BytesByClass) => Partial<BytesByClass>) => {
  return ({ bytes }: SwarmRecord) =>
    bytes === undefined ? {} : { bytes: { ...bytes, ...change(bytes) } }
}

const stateOf = (judgement: Judgement, name: string) =>
  judgement.guardrails.find((guardrail) => guardrail.name === name)?.state

describe('Judge', () => {
  it('ships what is faster and does no harm', () => {
    const judgement = judged({ effect: -0.1 })
    expect(judgement).toMatchObject({ verdict: 'ship', cause: 'better' })
    expect(judgement.effect?.interval.high).toBeLessThan(0)
    expect(judgement.effect?.interval.low).toBeLessThan(-0.1)
    expect(judgement.effect?.pValue).toBeLessThan(0.05)
    expect(judgement.reasons.at(-1)).toBe('Not measured: crossIdc, decision, clientCpu.')
  })

  it('stops what is slower', () => {
    expect(judged({ effect: 0.1, change: () => ({ p99Seconds: 12 }) })).toMatchObject({
      verdict: 'stop',
      cause: 'worse',
    })
  })

  it('goes on while nothing is known, and not for ever', () => {
    expect(judged({})).toMatchObject({ verdict: 'continue', cause: 'undecided' })
    expect(judged({ swarms: 1_000 })).toMatchObject({ verdict: 'stop', cause: 'spent' })
  })

  it('does not look before there are thirty swarms in each arm', () => {
    const judgement = judged({ effect: -1, swarms: 29 })
    expect(judgement).toMatchObject({ verdict: 'continue', cause: 'too-early' })
    expect(judgement.effect).toBeUndefined()
    expect(judged({ effect: -1, swarms: 30 }).effect?.interval.high).toBeLessThan(0)
  })

  it.each<[string, (record: SwarmRecord) => Partial<SwarmRecord>]>([
    ['failures', () => ({ failedPeers: 1 })],
    ['p99', (record) => ({ p99Seconds: record.p99Seconds * 1.5 })],
    ['origin', bytesWith(() => ({ origin: gib }))],
    ['seed', bytesWith(({ seed }) => ({ seed: 1.2 * seed }))],
    ['crossRack', bytesWith(({ near, far }) => ({ near: far, far: near }))],
    ['crossIdc', ({ contentLength }) => ({ crossIdcBytes: 10 * contentLength })],
    ['decision', () => ({ decisionP99Us: 80 })],
    ['clientCpu', () => ({ clientCpuSeconds: 90 })],
  ])('stops a gain that %s pays for', (name, harm) => {
    const known = { crossIdcBytes: 0, decisionP99Us: 40, clientCpuSeconds: 60 }
    const change = (record: SwarmRecord) => ({ ...known, ...onlyNew(harm)(record) })
    const judgement = judged({ effect: -0.1, change })
    expect(judgement).toMatchObject({ verdict: 'stop', cause: 'guardrail' })
    expect(stateOf(judgement, name)).toBe('broken')
    const others = judgement.guardrails.filter((guardrail) => guardrail.name !== name)
    expect(others.filter(({ state }) => state !== 'held')).toEqual([])
    expect(judgement.reasons[0]).toContain(name)
  })

  it('does not ship a gain before the guardrails are known to hold', () => {
    // One swarm in eight fails a download, in both arms: hundreds of swarms are needed to tell the arms apart.
    const random = seededRandom(3)
    const change = () => ({ failedPeers: random.next() < 0.125 ? 4 : 0 })
    const judgement = judged({ effect: -0.2, swarms: 60, change })
    expect(judgement).toMatchObject({ verdict: 'continue', cause: 'undecided' })
    expect(stateOf(judgement, 'failures')).toBe('open')
    expect(judgement.reasons[0]).toContain('failures')
  })

  it('does not wait for guardrails that are only watched', () => {
    const random = seededRandom(4)
    const change = () => ({ decisionP99Us: 20 * Math.exp(3 * random.next()) })
    const judgement = judged({ effect: -0.1, change })
    expect(stateOf(judgement, 'decision')).toBe('open')
    expect(judgement.verdict).toBe('ship')
  })

  it('takes margins from the experiment', () => {
    const spec = { margins: { origin: 2 } }
    const judge = new Judge(anExperiment(spec))
    const random = seededRandom(5)
    for (let index = 0; index < 200; index++) {
      judge.add(randomRecord(random, 'control', { mean: 0, sd: 0.05 }))
      const record = randomRecord(random, 'new', { mean: -0.1, sd: 0.05 })
      const { contentLength: origin } = record
      judge.add({ ...record, bytes: { origin, seed: origin, near: 39 * origin, far: 0 } })
    }
    expect(judge.judgements()[0]).toMatchObject({ verdict: 'ship' })
  })

  it('refuses to compare arms that lost swarms', () => {
    const judge = new Judge(anExperiment())
    for (let index = 0; index < 400; index++) {
      judge.add(aRecord())
      if (index % 4 > 0) judge.add(aRecord({ arm: 'new' }))
    }
    const [judgement] = judge.judgements()
    expect(judgement).toMatchObject({ verdict: 'stop', cause: 'sample-ratio' })
    expect(judgement?.sampleRatioP).toBeLessThan(0.001)
  })

  it('says when the effect was not the same all the time', () => {
    const judge = new Judge(anExperiment())
    const random = seededRandom(6)
    for (let index = 0; index < 600; index++) {
      judge.add(randomRecord(random, 'control', { mean: 0, sd: 0.05 }))
      const mean = index < 100 ? -0.2 : 0.3
      judge.add(randomRecord(random, 'new', { mean, sd: 0.05 }))
    }
    expect(judge.judgements()[0]).toMatchObject({ verdict: 'stop', cause: 'drift' })
  })

  it('compares every candidate with the control, each at its share of alpha', () => {
    const spec = { candidates: [{ name: 'fast' }, { name: 'slow' }] }
    const judge = new Judge(anExperiment(spec))
    const random = seededRandom(7)
    for (let index = 0; index < 300; index++) {
      for (const [arm, mean] of [
        ['control', 0],
        ['fast', -0.1],
        ['slow', 0.1],
      ] as const) {
        judge.add(randomRecord(random, arm, { mean, sd: 0.1 }))
      }
    }
    expect(judge.judgements().map(({ candidate, verdict }) => [candidate, verdict])).toEqual([
      ['fast', 'ship'],
      ['slow', 'stop'],
    ])
  })

  it('does not count small swarms, strangers and swarms that nobody finished', () => {
    const judge = new Judge(anExperiment())
    for (const change of [
      { peers: 19 },
      { arm: 'removed' },
      { failedPeers: 40 },
      { boundSeconds: 0 },
      { contentLength: 0 },
    ]) {
      judge.add(aRecord(change))
    }
    expect(judge.judgements()[0]?.swarms).toEqual({ control: 0, candidate: 0 })
  })
})
