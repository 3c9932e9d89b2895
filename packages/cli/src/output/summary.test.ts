import { expect, it } from 'vitest'
import { fitShares, formatShares, summaryLine } from './summary.ts'

const none = { origin: 0, seed: 0, peers: 0, cache: 0 }

it.each([
  [{ ...none, peers: 62, seed: 30, origin: 8 }, 'peers 62% seed 30% origin 8%'],
  [{ ...none, origin: 10 }, 'origin 100%'],
  [{ ...none, cache: 999, peers: 1 }, 'peers <1% cache 100%'],
  [none, ''],
])('tells who gave how much: %o', (shares, expected) => {
  expect(formatShares(shares)).toBe(expected)
})

it.each([
  [38, 'peers 40% seed 20% origin 20% cache 20%'.slice(0, 29)],
  [20, 'peers 40% seed 20%'],
  [9, 'peers 40%'],
  [3, ''],
])('keeps the largest shares in %i columns', (width, expected) => {
  expect(fitShares({ peers: 40, seed: 20, origin: 20, cache: 20 }, width)).toBe(expected)
})

it('sums up a download in one line', () => {
  const summary = {
    name: 'a.bin',
    output: '/data/a.bin',
    sizeBytes: 3 * 1024 * 1024,
    elapsedMs: 1_500,
    shares: { ...none, seed: 1, origin: 1 },
  }
  expect(summaryLine(summary)).toBe(
    'a.bin: 3 MiB in 1.5s (2 MiB/s), seed 50% origin 50%, saved to /data/a.bin',
  )
  expect(summaryLine({ ...summary, sizeBytes: 0, elapsedMs: 0, shares: none })).toBe(
    'a.bin: 0 B in 0ms (0 B/s), saved to /data/a.bin',
  )
})
