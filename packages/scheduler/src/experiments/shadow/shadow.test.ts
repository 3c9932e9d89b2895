import { seededRandom, silentLog } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { overlap } from './choices-compared.ts'
import { Shadow, type ShadowDeps } from './shadow.ts'
import { chances, firstMembers, randomSwarm } from './shadow-fixture.ts'

const ids = (...numbers: number[]) => Int32Array.from(numbers)

/** Every call of the candidate takes 30 microseconds. */
function setUp(change: Partial<ShadowDeps> = {}, candidate = firstMembers('new'), share = 1) {
  let now = 0
  const clock = { monotonic: () => (now += 0.03) }
  const deps = { clock, random: chances(0.5), isLate: () => false, log: silentLog, ...change }
  const shadow = new Shadow({ candidate, share }, deps)
  const view = randomSwarm(40)
  const compare = (...chosen: number[]) =>
    shadow.compare({ view, child: 39, k: 4, old: ids(), chosen: ids(...chosen) })
  return { shadow, compare }
}

describe('Shadow', () => {
  it('counts how far two policies agree and what the candidate costs', () => {
    const { shadow, compare } = setUp()
    // Those of the candidate: 0, 7, 14 and so on are blocked.
    compare(1, 2, 3, 4)
    compare(2, 1, 30, 31)
    const report = shadow.report()
    expect(report).toMatchObject({
      candidate: 'new',
      decisions: 2,
      overlap: 0.75,
      sameFirst: 0.5,
      skipped: 0,
      failures: 0,
    })
    expect(report.meanUs).toBeCloseTo(30, 6)
    expect(report.p99Us).toBeCloseTo(30, 6)
  })

  it('looks at a share of the decisions', () => {
    const { shadow } = setUp({ random: seededRandom(1) }, firstMembers('new'), 0.01)
    let drawn = 0
    for (let index = 0; index < 10_000; index++) if (shadow.draws()) drawn += 1
    expect(drawn).toBeGreaterThan(60)
    expect(drawn).toBeLessThan(140)
  })

  it('waits while the scheduler is late', () => {
    const { shadow } = setUp({ isLate: () => true })
    expect(shadow.draws()).toBe(false)
    expect(shadow.report().skipped).toBe(1)
  })

  it('gives a candidate up that keeps throwing', () => {
    let throws = true
    const candidate = firstMembers('new', {
      parents() {
        if (throws) throw new Error('broken')
        return 0
      },
    })
    const { shadow, compare } = setUp({}, candidate)
    compare(1)
    compare(1)
    throws = false
    compare(1)
    throws = true
    compare(1)
    compare(1)
    expect(shadow.draws()).toBe(true)
    compare(1)
    expect(shadow.draws()).toBe(false)
    expect(shadow.report()).toMatchObject({ decisions: 1, failures: 5 })
  })
})

it('overlap counts by the longer list', () => {
  expect(overlap(ids(), ids())).toBe(1)
  expect(overlap(ids(1), ids())).toBe(0)
  expect(overlap(ids(1, 2, 3, 4), ids(4, 1))).toBe(0.5)
})
