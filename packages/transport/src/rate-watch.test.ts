import { FakeClock } from '@damselfly/core/testing'
import { expect, test } from 'vitest'
import { type RateProgress, watchRate } from './rate-watch.ts'

const minRate = { bytesPerSec: 1000, windowMs: 30_000 }

function setUp(bytesPerSec = minRate.bytesPerSec) {
  const clock = new FakeClock()
  let progress: RateProgress = { bytes: 0, waitedMs: 0 }
  let slow = 0
  const watch = watchRate(clock, {
    ...minRate,
    bytesPerSec,
    progress: () => progress,
    onSlow: () => {
      slow += 1
    },
  })
  /** Some seconds, of which the peer was waited for some. */
  const pass = async (seconds: number, bytes: number, waited = seconds): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      progress = {
        bytes: progress.bytes + bytes / seconds,
        waitedMs: progress.waitedMs + (waited * 1000) / seconds,
      }
      await clock.advance(1000)
    }
  }
  return { clock, watch, pass, slow: () => slow }
}

test('a peer that takes too little is noticed once, and not before the window is over', async () => {
  const { clock, pass, slow } = setUp()
  await pass(29, 29 * 900)
  expect(slow()).toBe(0)
  await pass(31, 31 * 900)
  expect(slow()).toBe(1)
  expect(clock.pending).toBe(0)
})

test('one that takes enough is left alone, also when it was fast before it became slow', async () => {
  const { pass, slow } = setUp()
  await pass(300, 300 * 1100)
  expect(slow()).toBe(0)
  await pass(60, 60 * 900)
  expect(slow()).toBe(1)
})

test('time in which nobody waited for the peer does not count', async () => {
  const { watch, clock, pass, slow } = setUp()
  await pass(600, 20_000, 10)
  expect(slow()).toBe(0)
  await pass(600, 60_000, 50)
  expect(slow()).toBe(0)
  watch[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})

test('without a rate nothing is watched', () => {
  expect(setUp(0).clock.pending).toBe(0)
})
