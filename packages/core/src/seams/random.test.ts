import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomInt, sample, seededRandom, systemRandom } from './random.ts'

describe('sample', () => {
  it('picks distinct items, as many as wanted or there are', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(20), fc.integer({ min: -5, max: 30 }), (seed, size, count) => {
        const items = Array.from({ length: size }, (_, i) => i)
        const picked = sample(seededRandom(seed), items, count)
        expect(picked).toHaveLength(Math.max(0, Math.min(size, count)))
        expect(new Set(picked).size).toBe(picked.length)
        expect(picked.every((item) => items.includes(item))).toBe(true)
      }),
    )
  })

  it('picks every item equally often', () => {
    const random = seededRandom(7)
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      for (const item of sample(random, ['a', 'b', 'c'], 1)) {
        counts.set(item, (counts.get(item) ?? 0) + 1)
      }
    }
    for (const [item, count] of counts) expect(Math.abs(count - 2000), item).toBeLessThan(190)
  })

  it('leaves the list as it was', () => {
    const items = [1, 2, 3]
    sample(seededRandom(1), items, 3)
    expect(items).toEqual([1, 2, 3])
  })
})

describe('seededRandom', () => {
  it('repeats itself for the same seed only', () => {
    const first = (seed: number): number[] => {
      const random = seededRandom(seed)
      return Array.from({ length: 5 }, () => random.next())
    }
    expect(first(1)).toEqual(first(1))
    expect(first(1)).not.toEqual(first(2))
  })

  it('makes version 4 UUIDs', () => {
    const random = seededRandom(3)
    for (let i = 0; i < 50; i++) {
      expect(random.uuid()).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      )
    }
  })
})

describe('randomInt', () => {
  it('stays below the bound', () => {
    for (const random of [systemRandom, seededRandom(1)]) {
      const seen = new Set(Array.from({ length: 1000 }, () => randomInt(random, 3)))
      expect([...seen].sort()).toEqual([0, 1, 2])
    }
  })
})
