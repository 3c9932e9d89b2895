import { expect, it } from 'vitest'
import { sleep } from '../async/time.ts'
import { FakeClock } from './fake-clock.ts'

it('stands still until told to move, then moves exactly that far', async () => {
  const clock = new FakeClock(5000)
  expect([clock.now(), clock.monotonic()]).toEqual([5000, 0])
  await clock.advance(1500)
  expect([clock.now(), clock.monotonic()]).toEqual([6500, 1500])
})

it('runs timers in the order of their times, equal ones in the order they were set', async () => {
  const clock = new FakeClock(0)
  const ran: string[] = []
  const plan = (name: string, ms: number): void => {
    clock.schedule(ms, () => ran.push(`${name}@${clock.monotonic()}`))
  }
  plan('late', 30)
  plan('a', 10)
  plan('b', 10)
  plan('after', 31)
  await clock.advance(30)
  expect(ran).toEqual(['a@10', 'b@10', 'late@30'])
  expect(clock.pending).toBe(1)
})

it('lets promises settle between timers and runs the timers that they set', async () => {
  const clock = new FakeClock(0)
  const woke: number[] = []
  const loop = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await sleep(clock, 10)
      await Promise.resolve()
      woke.push(clock.monotonic())
    }
  }
  const done = loop()
  await clock.advance(100)
  await done
  expect(woke).toEqual([10, 20, 30])
})

it('does not run what was cancelled', async () => {
  const clock = new FakeClock(0)
  const cancel = clock.schedule(10, () => expect.unreachable())
  clock.schedule(5, cancel)
  await clock.advance(20)
  cancel()
  expect(clock.pending).toBe(0)
})

it('runs a timer without delay when it advances by nothing', async () => {
  const clock = new FakeClock(0)
  let ran = false
  clock.schedule(-5, () => {
    ran = true
  })
  await clock.advance(0)
  expect(ran).toBe(true)
})

it('passes on what a timer throws', async () => {
  const clock = new FakeClock(0)
  clock.schedule(1, () => {
    throw new Error('broken timer')
  })
  await expect(clock.advance(1)).rejects.toThrow('broken timer')
})
