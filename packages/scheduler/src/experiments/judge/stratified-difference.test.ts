import { seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { Moments } from './moments.ts'
import { type Side, StratifiedDifference } from './stratified-difference.ts'

function filled(values: readonly [Side, string, number][], options = {}) {
  const difference = new StratifiedDifference(options)
  for (const [side, stratum, value] of values) difference.add(side, stratum, value)
  return difference
}

describe('StratifiedDifference', () => {
  it('weights the differences within strata by their size', () => {
    const difference = filled(
      [
        ['control', 'a', 1],
        ['control', 'a', 3],
        ['candidate', 'a', 4],
        ['candidate', 'a', 6],
        ['control', 'b', 10],
        ['control', 'b', 12],
        ['candidate', 'b', 10],
        ['candidate', 'b', 11],
        ['candidate', 'b', 12],
        ['candidate', 'b', 11],
      ],
      { minStratum: 2 },
    )
    // a: 5 - 2 = 3 with weight 0.4; b: 11 - 11 = 0 with weight 0.6.
    // Spread: control (2 + 2) / 2 = 2, candidate (2 + 2) / 4 = 1. Variance: 0.16 (2/2 + 1/2) + 0.36 (2/2 + 1/4).
    const estimate = difference.estimate()
    expect(estimate?.difference).toBeCloseTo(1.2, 12)
    expect(estimate?.variance).toBeCloseTo(0.69, 12)
    expect([difference.count('control'), difference.count('candidate')]).toEqual([4, 6])
  })

  it('looks at small strata together', () => {
    const values = [0, 1, 2, 3].flatMap((value): [Side, string, number][] => [
      ['control', `s${value}`, value],
      ['candidate', `s${value}`, value + 1],
    ])
    expect(filled(values).estimate()?.difference).toBeCloseTo(1, 12)
    // Two samples of four with a variance of 5/3 each.
    expect(filled(values).estimate()?.variance).toBeCloseTo((2 * 5) / 3 / 4, 12)
  })

  it('leaves out what only one side has', () => {
    const both: [Side, string, number][] = Array.from({ length: 10 }, (_, index) => [
      index % 2 === 0 ? 'control' : 'candidate',
      'both',
      index,
    ])
    const lonely = Array.from({ length: 5 }, (): [Side, string, number] => ['control', 'x', 1e6])
    expect(filled([...both, ...lonely]).estimate()).toEqual(filled(both).estimate())
  })

  it('knows nothing from one value on a side', () => {
    expect(filled([]).estimate()).toBeUndefined()
    expect(filled([['control', 'a', 1]]).estimate()).toBeUndefined()
    expect(
      filled([
        ['control', 'a', 1],
        ['candidate', 'a', 1],
      ]).estimate(),
    ).toBeUndefined()
  })

  it('takes equal values for values with the least spread', () => {
    const equal: [Side, string, number][] = Array.from({ length: 60 }, (_, index) => [
      index % 2 === 0 ? 'control' : 'candidate',
      'a',
      0,
    ])
    expect(filled(equal, { minSpread: 0.3 }).estimate()?.variance).toBeCloseTo(0.006, 12)
    expect(filled(equal).estimate()?.variance).toBeGreaterThan(0)
  })

  it('takes the noise between strata away', () => {
    const random = seededRandom(1)
    const [plain, stratified] = [new StratifiedDifference(), new StratifiedDifference()]
    for (let index = 0; index < 400; index++) {
      const side = index % 2 === 0 ? 'control' : 'candidate'
      const stratum = Math.floor(random.next() * 4)
      const value = stratum + 0.1 * random.next()
      plain.add(side, '', value)
      stratified.add(side, String(stratum), value)
    }
    const [before, after] = [plain.estimate(), stratified.estimate()]
    expect(after?.variance ?? 1).toBeLessThan((before?.variance ?? 0) / 100)
  })
})

it('moments are the same when they are counted apart', () => {
  const random = seededRandom(2)
  const [all, left, right] = [new Moments(), new Moments(), new Moments()]
  for (let index = 0; index < 100; index++) {
    const value = random.next()
    all.add(value)
    if (index % 3 === 0) left.add(value)
    else right.add(value)
  }
  left.merge(right)
  left.merge(new Moments())
  expect(left.count).toBe(100)
  expect(left.mean).toBeCloseTo(all.mean, 12)
  expect(left.squares).toBeCloseTo(all.squares, 12)
})
