import { expect, test } from 'vitest'
import type { BenchResult } from './bench.ts'
import { jsonResult, renderResult } from './report.ts'

const result: BenchResult = {
  bench: 'some',
  cases: [
    {
      name: 'transfer',
      unit: 'MiB/s',
      ours: { value: 300, middleHalf: [290.4, 310] },
      peer: { value: 400, middleHalf: [380, 420] },
      rssMiB: 123.456,
      note: 'beside something.',
    },
    { name: 'start', unit: 'ms', ours: { value: 30.06 }, peer: { value: 9.8765 } },
    { name: 'end', unit: 'ms', ours: { value: 1 }, peer: { value: 2 }, note: 'beside something.' },
  ],
}

test('the JSON form has values, ratios and what else is known of a case', () => {
  expect(jsonResult(result)).toEqual({
    bench: 'some',
    cases: [
      {
        name: 'transfer',
        unit: 'MiB/s',
        ours: 300,
        peer: 400,
        ratio: 0.75,
        rssMiB: 123.456,
        note: 'beside something.',
      },
      { name: 'start', unit: 'ms', ours: 30.06, peer: 9.877, ratio: 3.044 },
      { name: 'end', unit: 'ms', ours: 1, peer: 2, ratio: 0.5, note: 'beside something.' },
    ],
  })
})

test('the table shows both sides, their spread, the ratio and which ratio is good', () => {
  expect(renderResult(result)).toBe(`\
case      unit   ours  middle half  peer  middle half  ratio  better  peak RSS  note
transfer  MiB/s   300      290-310   400      380-420   0.75  > 1      123 MiB     1
start     ms     30.1               9.88                3.04  < 1
end       ms     1.00               2.00                0.50  < 1                  1

ratio = ours / peer: for rates more than 1 is better for us, for times and memory less than 1.
1: beside something.
`)
})

test('columns that no case needs are left out', () => {
  const [, start] = result.cases
  if (start === undefined) throw new Error('no case')
  const [titles] = renderResult({ bench: 'some', cases: [start] }).split('\n')
  expect(titles).toBe('case   unit  ours  middle half  peer  middle half  ratio  better')
})

test('a case without a peer has no ratio, one with an aim says it', () => {
  const alone: BenchResult = {
    bench: 'some',
    cases: [
      { name: 'delay', unit: 'ms', ours: { value: 4 }, aim: '<= 10' },
      { name: 'nothing', unit: 'ms', ours: { value: 4 }, peer: { value: 0 } },
      { name: 'small', unit: 'files/s', ours: { value: 400 }, peer: { value: 200 } },
    ],
  }
  expect(renderResult(alone).split('\n').slice(0, 4)).toEqual([
    'case     unit     ours  middle half  peer  middle half  ratio  better  aim',
    'delay    ms       4.00                                                 <= 10',
    'nothing  ms       4.00               0.00',
    'small    files/s   400                200                2.00  > 1',
  ])
  expect(jsonResult(alone).cases).toEqual([
    { name: 'delay', unit: 'ms', ours: 4, aim: '<= 10' },
    { name: 'nothing', unit: 'ms', ours: 4, peer: 0 },
    { name: 'small', unit: 'files/s', ours: 400, peer: 200, ratio: 2 },
  ])
})
