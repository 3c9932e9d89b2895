import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemClock } from './clock.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const day = 86_400_000

it('waits longer than the 24.8 days that a timer of Node can', () => {
  const fn = vi.fn()
  systemClock.schedule(100 * day, fn)
  vi.advanceTimersByTime(100 * day - 1)
  expect(fn).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fn).toHaveBeenCalledOnce()
})

it('cancels a long wait in its second part, too', () => {
  const fn = vi.fn()
  const cancel = systemClock.schedule(100 * day, fn)
  vi.advanceTimersByTime(30 * day)
  cancel()
  vi.advanceTimersByTime(100 * day)
  expect(fn).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})

it('fires after the delay', () => {
  const fn = vi.fn()
  systemClock.schedule(5, fn)
  vi.advanceTimersByTime(5)
  expect(fn).toHaveBeenCalledOnce()
})
