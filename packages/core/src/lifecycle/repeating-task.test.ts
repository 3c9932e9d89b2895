import { describe, expect, it } from 'vitest'
import { deferred } from '../async/deferred.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { FakeClock } from '../seams/fake-clock.ts'
import { type RepeatingTaskOptions, repeatingTask } from './repeating-task.ts'

function setUp() {
  const clock = new FakeClock(0)
  const warnings: unknown[] = []
  const log: Log = { ...silentLog, child: () => log, warn: (data: unknown) => warnings.push(data) }
  const random = { next: () => 0.5, uuid: () => '' }
  const repeat = (
    fn: (signal: AbortSignal) => Promise<void> | void,
    options: Partial<RepeatingTaskOptions> = {},
  ) => repeatingTask(fn, { name: 'task', intervalMs: 100, ...options }, { clock, random, log })
  return { clock, warnings, repeat }
}

describe('repeatingTask', () => {
  it('runs after each interval', async () => {
    const { clock, repeat } = setUp()
    const ranAtMs: number[] = []
    const task = repeat(() => void ranAtMs.push(clock.monotonic()))
    await clock.advance(350)
    await task.stop()
    expect(ranAtMs).toEqual([100, 200, 300])
    expect(clock.pending).toBe(0)
  })

  it('runs at once when told so', async () => {
    const { clock, repeat } = setUp()
    const ranAtMs: number[] = []
    const task = repeat(() => void ranAtMs.push(clock.monotonic()), { immediate: true })
    await clock.advance(100)
    await task.stop()
    expect(ranAtMs).toEqual([0, 100])
  })

  it('logs a failure and comes again', async () => {
    const { clock, repeat, warnings } = setUp()
    let runs = 0
    const task = repeat(() => {
      runs += 1
      throw new Error('broken')
    })
    await clock.advance(200)
    await task.stop()
    expect([runs, warnings.length]).toEqual([2, 2])
  })

  it('never runs twice at a time', async () => {
    const { clock, repeat } = setUp()
    const end = deferred()
    let runs = 0
    const task = repeat(() => {
      runs += 1
      return end.promise
    })
    await clock.advance(1000)
    expect(runs).toBe(1)
    end.resolve()
    await clock.advance(100)
    expect(runs).toBe(2)
    await task.stop()
  })

  it('aborts the run under way, waits for it, and logs nothing of it', async () => {
    const { clock, repeat, warnings } = setUp()
    const end = deferred()
    const task = repeat(async (signal) => {
      await end.promise
      signal.throwIfAborted()
    })
    await clock.advance(100)
    const stopped = task.stop()
    end.resolve()
    await stopped
    expect(warnings).toEqual([])
    expect(clock.pending).toBe(0)
  })
})
