import { expect, test } from 'vitest'
import { type Copy, noCopy } from './distribute.ts'
import { drawSwarm, swarmLine } from './swarm-view.ts'

const mib = 1024 ** 2

const half: Copy = {
  ...noCopy('peer-0'),
  state: 'downloading',
  sizeBytes: 120 * mib,
  doneBytes: 60 * mib,
  shares: { origin: 0, seed: 15 * mib, peers: 45 * mib, cache: 0 },
  ms: 2_000,
}
const failed: Copy = { ...noCopy('peer-1'), state: 'failed', error: 'x'.repeat(200) }
const state = { copies: [half, failed], originBytes: 90 * mib }

test('each peer has a line with a bar, and the origin one', () => {
  expect(drawSwarm(state, 80)).toEqual([
    'peer-0 [=======        ]  50%    60 MiB    30 MiB/s peers 75% seed 25%',
    `peer-1 [               ]   0%       0 B       0 B/s failed: ${'x'.repeat(19)}`,
    'origin sent 90 MiB, 0.75x the file',
  ])
})

test.each([20, 40, 80, 120, 300])(
  'no line reaches the end of a terminal of %i columns',
  (columns) => {
    for (const line of drawSwarm(state, columns)) expect(line.length).toBeLessThan(columns)
  },
)

test('nothing is said about an origin that does not tell', () => {
  expect(drawSwarm({ copies: [half], originBytes: undefined }, 80)).toHaveLength(1)
})

test('the whole swarm fits in a sentence', () => {
  expect(swarmLine(state)).toBe(
    'peer-0 50%, peer-1 failed; 60 MiB in all; 0 of 2 checked; origin sent 90 MiB',
  )
})
