import { randomBytes } from 'node:crypto'
import { systemClock } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { CompressionPolicy, type LevelSample, takeSample } from './compression-policy.ts'

const MB = 1e6
/** A container layer as measured in dataplane.md section 4. */
const layer: LevelSample[] = [
  { level: -3, ratio: 1 / 2.17, compressBytesPerSec: 339 * MB, decompressBytesPerSec: 734 * MB },
  { level: 1, ratio: 1 / 2.84, compressBytesPerSec: 268 * MB, decompressBytesPerSec: 668 * MB },
  { level: 3, ratio: 1 / 3.15, compressBytesPerSec: 155 * MB, decompressBytesPerSec: 617 * MB },
]

describe('packing', () => {
  const policy = new CompressionPolicy()
  policy.learn('layer', layer)

  test.each([
    ['a line of 10 MB/s: as small as possible', 10 * MB, 3],
    ['a gigabit: still faster than the link', 80 * MB, 1],
    ['1.6 Gbit/s: only the fastest level', 200 * MB, -3],
    ['ten gigabit: never', 1000 * MB, undefined],
    ['a link of which nothing is known', undefined, undefined],
  ])('%s', (_name, rate, level) => {
    expect(policy.level('layer', rate)).toBe(level)
  })

  test('a slow child makes it pay less', () => {
    policy.learn(
      'slow child',
      layer.map((sample) => ({ ...sample, decompressBytesPerSec: 50 * MB })),
    )
    expect(policy.level('slow child', 50 * MB)).toBeUndefined()
    expect(policy.level('slow child', 10 * MB)).toBe(3)
  })

  test('what shrinks by less than a tenth never pays, on no link', () => {
    policy.learn('photos', [{ ...layer[0]!, ratio: 0.91 }])
    expect(policy.level('photos', 1000)).toBeUndefined()
    policy.learn('barely', [{ ...layer[0]!, ratio: 0.7 }])
    expect(policy.level('barely', 1000)).toBe(-3)
    expect(policy.level('unknown', 1000)).toBeUndefined()
  })

  test('a saving that is too small for the trouble is left', () => {
    policy.learn('dull', [{ ...layer[0]!, ratio: 0.85 }])
    expect(policy.level('dull', 1 * MB)).toBeUndefined()
  })
})

test('tasks are remembered up to a number; the oldest is forgotten', () => {
  const policy = new CompressionPolicy({ maxTasks: 2 })
  for (const task of ['a', 'b', 'c']) policy.learn(task, task === 'b' ? [] : layer)
  expect(['a', 'b', 'c'].map((task) => policy.needsSample(task))).toEqual([true, false, false])
  expect(policy.stats).toEqual({ packable: 1, plain: 1 })
  policy.forget('c')
  expect(policy.needsSample('c')).toBe(true)
})

describe('a sample', () => {
  const take = (bytes: Uint8Array): LevelSample[] => takeSample(bytes, { clock: systemClock })

  test('of text shrinks at all levels', () => {
    const text = Buffer.from('It was a bright cold day in April. '.repeat(4000))
    const samples = take(text)
    expect(samples.map(({ level }) => level)).toEqual([-3, 1, 3])
    for (const { ratio, compressBytesPerSec, decompressBytesPerSec } of samples) {
      expect(ratio).toBeLessThan(0.1)
      expect(Math.min(compressBytesPerSec, decompressBytesPerSec)).toBeGreaterThan(0)
    }
  })

  test('of noise, or of nothing, gives no level', () => {
    expect(take(randomBytes(200_000))).toEqual([])
    expect(take(new Uint8Array(0))).toEqual([])
  })
})
