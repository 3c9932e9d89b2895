import { expect, test } from 'vitest'
import type { Transfer } from './measure-variant.ts'
import { formatMiB, variantCases } from './variant-cases.ts'
import { type Variant, variants } from './variants.ts'

const variant: Variant = {
  name: 'some',
  sizeMiB: 4096,
  file: 'random',
  parentConfig: {},
  childConfig: {},
  aim: 'ratio >= 1.5',
}
const transfer = (mibPerSec: number, delayP99Ms?: number): Transfer => ({
  mibPerSec,
  child: { cpuMs: 4_000, peakRssMiB: 100, delayP99Ms },
  parent: { cpuMs: 2_000, peakRssMiB: 50 },
})
const threads = { child: 2, parent: 1 }

test('a variant has a row for its rate and for each thing it costs, per GiB', () => {
  const transfers = { ours: [transfer(900, 4)], peer: [transfer(600)] }
  const cases = variantCases(variant, { transfers, threads })
  expect(cases.map(({ name, ours, aim }) => [name, ours.value, aim])).toEqual([
    ['4 GiB some', 900, 'ratio >= 1.5'],
    ['4 GiB some, CPU per GiB, child', 1_000, undefined],
    ['4 GiB some, CPU per GiB, parent', 500, undefined],
    ['4 GiB some, peak RSS, child', 100, '<= 190'],
    ['4 GiB some, peak RSS, parent', 50, '<= 190'],
    ['4 GiB some, event loop p99, child', 4, '<= 10'],
  ])
  expect(cases[0]?.peer?.value).toBe(600)
  expect(cases[0]?.note).toContain('2 data threads in the child, 1 in the parent')
})

test('a child that keeps the file in memory has no aim for its memory', () => {
  const transfers = { ours: [transfer(900)], peer: [transfer(600)] }
  const cases = variantCases({ ...variant, to: 'memory' }, { transfers, threads })
  const aims = new Map(cases.map(({ name, aim }) => [name, aim]))
  expect(aims.get('4 GiB some, peak RSS, child')).toBeUndefined()
  expect(aims.get('4 GiB some, peak RSS, parent')).toBe('<= 190')
})

test('sizes are written for people', () => {
  expect([4096, 512, 1024].map(formatMiB)).toEqual(['4 GiB', '512 MiB', '1 GiB'])
})

test('every variant has a name of its own', () => {
  const names = variants('/key').map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
