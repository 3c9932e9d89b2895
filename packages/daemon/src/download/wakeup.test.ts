import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import { Wakeup } from './wakeup.ts'

const never = new AbortController().signal

describe('Wakeup', () => {
  it('remembers a ring that came before the wait, once', async () => {
    const clock = new FakeClock()
    const bell = new Wakeup()
    bell.ring()
    bell.ring()
    await bell.wait(clock, undefined, never)
    let woke = false
    const second = bell.wait(clock, 100, never).then(() => {
      woke = true
    })
    await clock.advance(99)
    expect(woke).toBe(false)
    await clock.advance(1)
    await second
  })

  it('wakes the waiter at once and leaves no timer behind', async () => {
    const clock = new FakeClock()
    const bell = new Wakeup()
    const wait = bell.wait(clock, 1_000, never)
    bell.ring()
    await wait
    expect(clock.pending).toBe(0)
  })

  it('returns when the signal aborts, also when that was before', async () => {
    const clock = new FakeClock()
    const controller = new AbortController()
    const bell = new Wakeup()
    const wait = bell.wait(clock, undefined, controller.signal)
    controller.abort()
    await wait
    await bell.wait(clock, undefined, controller.signal)
  })
})
