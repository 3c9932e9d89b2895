import { describe, expect, it } from 'vitest'
import { DfError } from '../errors/df-error.ts'
import { FakeClock } from '../seams/fake-clock.ts'
import { deferred } from './deferred.ts'
import { abortable, deadline, settledWithin, sleep } from './time.ts'

const late = (): DfError => new DfError('Timeout', 'too late')

describe('sleep', () => {
  it('lasts as long as it should', async () => {
    const clock = new FakeClock(0)
    const woke = sleep(clock, 100).then(() => clock.monotonic())
    await clock.advance(1000)
    expect(await woke).toBe(100)
  })

  it('ends with the reason of an abort and leaves no timer', async () => {
    const clock = new FakeClock(0)
    const controller = new AbortController()
    const wait = sleep(clock, 100, controller.signal)
    controller.abort(new Error('enough'))
    await expect(wait).rejects.toThrow('enough')
    await expect(sleep(clock, 100, controller.signal)).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })
})

describe('settledWithin', () => {
  it('waits for either outcome, and leaves no timer', async () => {
    const clock = new FakeClock(0)
    await settledWithin(clock, 100, Promise.resolve())
    await settledWithin(clock, 100, Promise.reject(new Error('no')))
    expect(clock.monotonic()).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('does not wait longer than it should', async () => {
    const clock = new FakeClock(0)
    const waited = settledWithin(clock, 100, new Promise(() => {})).then(() => clock.monotonic())
    await clock.advance(1000)
    expect(await waited).toBe(100)
  })
})

describe('deadline', () => {
  it('aborts with its own error', async () => {
    const clock = new FakeClock(0)
    const phase = deadline(clock, 100, late)
    await clock.advance(99)
    expect(phase.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(phase.signal.reason).toEqual(late())
  })

  it('counts anew after a restart', async () => {
    const clock = new FakeClock(0)
    const phase = deadline(clock, 100, late)
    await clock.advance(60)
    phase.restart()
    await clock.advance(60)
    expect(phase.signal.aborted).toBe(false)
    await clock.advance(40)
    expect(phase.signal.aborted).toBe(true)
  })

  it('leaves no timer after its end, also when it is restarted then', async () => {
    const clock = new FakeClock(0)
    const phase = deadline(clock, 100, late)
    phase[Symbol.dispose]()
    phase.restart()
    expect(clock.pending).toBe(0)
    await clock.advance(1000)
    expect(phase.signal.aborted).toBe(false)
  })
})

describe('abortable', () => {
  it('settles as the promise does', async () => {
    const { signal } = new AbortController()
    expect(await abortable(Promise.resolve(1), signal)).toBe(1)
    await expect(abortable(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  it('does not wait for the promise after an abort', async () => {
    const controller = new AbortController()
    const work = deferred()
    const wait = abortable(work.promise, controller.signal)
    controller.abort(new Error('enough'))
    await expect(wait).rejects.toThrow('enough')
    await expect(abortable(work.promise, controller.signal)).rejects.toThrow('enough')
    work.reject(new Error('later'))
  })
})
