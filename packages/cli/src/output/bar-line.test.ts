import { expect, it } from 'vitest'
import { barLine } from './bar-line.ts'
import { widthOf } from './text.ts'

const mib = 1024 * 1024
const state = {
  name: 'llama-3-70b.safetensors',
  sizeBytes: 1_000 * mib,
  doneBytes: 420 * mib,
  bytesPerSec: 98.3 * mib,
  shares: { peers: 260 * mib, seed: 126 * mib, origin: 34 * mib, cache: 0 },
}

it.each([
  [
    120,
    'llama-3-70…fetensors [====     ]  42%   420 MiB of 1000 MiB   98.3 MiB/s    6s peers 62% seed 30% origin 8%',
  ],
  [
    100,
    'llama-3-70…fetensors [=====      ]  42%   420 MiB  98.3 MiB/s    6s peers 62% seed 30% origin 8%',
  ],
  [80, 'llama-…nsors [===     ]  42%   420 MiB  98.3 MiB/s    6s peers 62% seed 30%'],
  [60, 'llama-3…ensors [===    ]  42%   420 MiB  98.3 MiB/s    6s'],
  [50, 'llam…ors [=  ]  42%   420 MiB  98.3 MiB/s    6s'],
  [30, 'llama…sors  42%  98.3 MiB/s'],
  [20, 'll…s [==   ]  42%'],
])('shows at %i columns what there is room for', (columns, expected) => {
  expect(barLine(state, columns).trimEnd()).toBe(expected)
})

it('leaves room for the echo of Ctrl-C, whatever the width', () => {
  for (let columns = 3; columns <= 200; columns++) {
    expect(widthOf(barLine(state, columns)), `${columns} columns`).toBeLessThanOrEqual(columns - 3)
  }
})

it.each([
  ['has not begun', { doneBytes: 0, bytesPerSec: 0 }, '0%', ' - '],
  ['is done', { doneBytes: state.sizeBytes }, '100%', ' 0s'],
  ['is empty', { sizeBytes: 0, doneBytes: 0, bytesPerSec: 0 }, '100%', ' 0s'],
  ['would take for ever', { bytesPerSec: 1 }, '42%', ' - '],
])('tells percent and time left of a download that %s', (_, change, percent, eta) => {
  const line = barLine({ ...state, ...change }, 80)
  expect(line).toContain(percent)
  expect(line).toContain(eta)
})

it('shows a name that would move the cursor as harmless', () => {
  expect(barLine({ ...state, name: '\u001b[2J' }, 80)).not.toContain('\u001b')
})
