import type { Clock } from '@damselfly/core'
import { expect, test } from 'vitest'
import { watchIdle } from './idle-watch.ts'

/** One timer at a time is all that the watch may have. */
function handClock() {
  let timer: { delayMs: number; fn: () => void } | undefined
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    schedule(delayMs, fn) {
      expect(timer).toBeUndefined()
      timer = { delayMs, fn }
      return () => {
        timer = undefined
      }
    },
  }
  const tick = (): number => {
    const due = timer
    timer = undefined
    due?.fn()
    return due?.delayMs ?? 0
  }
  return { clock, tick, isArmed: () => timer !== undefined }
}

function watched(progress: () => number | undefined) {
  const { clock, tick, isArmed } = handClock()
  let idle = 0
  const watch = watchIdle(clock, { idleMs: 1000, progress, onIdle: () => idle++ })
  return { watch, tick, isArmed, idle: () => idle }
}

test('no progress from the start is noticed after the idle time, once', () => {
  const w = watched(() => 0)
  const waited = [w.tick(), w.tick(), w.tick(), w.tick()]
  expect(waited).toEqual([250, 250, 250, 250])
  expect(w.idle()).toBe(1)
  expect(w.isArmed()).toBe(false)
})

test('progress starts the idle time anew', () => {
  let bytes = 0
  const w = watched(() => bytes)
  for (let i = 0; i < 20; i++) {
    if (i % 3 === 0) bytes += 1
    w.tick()
  }
  expect(w.idle()).toBe(0)
})

test('time in which nothing is expected does not count', () => {
  let value: number | undefined = 5
  const w = watched(() => value)
  w.tick()
  w.tick()
  w.tick()
  value = undefined
  for (let i = 0; i < 10; i++) w.tick()
  value = 5
  for (let i = 0; i < 4; i++) w.tick()
  expect(w.idle()).toBe(0)
  w.tick()
  expect(w.idle()).toBe(1)
})

test('after dispose nothing is armed', () => {
  const w = watched(() => 0)
  w.tick()
  w.watch[Symbol.dispose]()
  expect(w.isArmed()).toBe(false)
  expect(w.idle()).toBe(0)
})
