import { describe, expect, test } from 'vitest'
import { type CrashPointName, crashPoints } from '../src/index.ts'
import { crashAt, passings } from './crash/crash-run.ts'
import { type Variant, variants } from './crash/scenario.ts'

/** Children at a time. */
const lanes = 4

/** Where a variant does nothing that another does not do as well. */
const own: Partial<Record<Variant, RegExp>> = {
  durable: /^(create|commit|drop|move|adopt|delete)/,
  tiered: /^(move|promote|evict|close|open|adopt|drop)/,
  sealed: /^(commit|write|move|adopt|export)/,
}

describe('a process that dies at any point of the protocol leaves a store without a wrong or a lost byte', () => {
  const seen = new Set<CrashPointName>()

  test.each(Object.keys(variants) as Variant[])(
    '%s',
    async (variant) => {
      const counts = await passings(variant)
      const points = [...counts].filter(([name]) => own[variant]?.test(name) ?? true)
      const queue = points.flatMap(([name, count]) => {
        seen.add(name)
        // One passing in the midst of things; `every-crash.ts` tries all.
        return [{ name, passing: Math.ceil(count / 2) }]
      })
      const failures: string[] = []
      const lane = async (): Promise<void> => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
          const { name, passing } = next
          await crashAt(variant, name, passing).catch((error) => {
            failures.push(`${name} (${passing}): ${error.message}`)
          })
        }
      }
      await Promise.all(Array.from({ length: lanes }, lane))
      expect(failures).toEqual([])
    },
    120_000,
  )

  test('every point has been tried', () => {
    expect(crashPoints.length).toBeGreaterThanOrEqual(40)
    expect(crashPoints.filter((name) => !seen.has(name))).toEqual([])
  })
})
