import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import { idleWatch } from './idle-watch.ts'

describe('idleWatch', () => {
  it('calls once when a wait has become too long', async () => {
    const clock = new FakeClock()
    let calls = 0
    using watch = idleWatch(clock, 100, () => calls++)
    watch.waiting()
    await clock.advance(99)
    expect(calls).toBe(0)
    await clock.advance(1)
    expect(calls).toBe(1)
    await clock.advance(1000)
    expect(calls).toBe(1)
  })

  it('counts each wait anew, to the millisecond', async () => {
    const clock = new FakeClock()
    let calls = 0
    using watch = idleWatch(clock, 100, () => calls++)
    watch.waiting()
    await clock.advance(60)
    watch.working()
    watch.waiting()
    await clock.advance(99)
    expect(calls).toBe(0)
    await clock.advance(1)
    expect(calls).toBe(1)
  })

  it('has patience with a caller that works', async () => {
    const clock = new FakeClock()
    let calls = 0
    using watch = idleWatch(clock, 100, () => calls++)
    watch.waiting()
    watch.working()
    await clock.advance(10_000)
    expect(calls).toBe(0)
  })

  it('leaves no timer behind', () => {
    const clock = new FakeClock()
    idleWatch(clock, 100, () => {})[Symbol.dispose]()
    expect(clock.pending).toBe(0)
  })
})
