import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { takeProcessTimers } from './process-timers.ts'
import { VirtualTime } from './virtual-time.ts'

test('timers run at their times, those of one moment in the order they were set', async () => {
  const time = new VirtualTime()
  const ran: string[] = []
  const at = (name: string) => () => void ran.push(`${name} ${time.monotonic()}`)
  time.schedule(20, at('c'))
  time.schedule(10, at('a'))
  time.schedule(9.5, at('b'))
  time.schedule(10, at('never'))()
  expect(time.pending).toBe(3)
  expect(await time.run(15, () => false)).toBe(false)
  expect(ran).toEqual(['a 10', 'b 10'])
  expect(time.monotonic()).toBe(15)
  await time.run(100, () => false)
  expect(ran).toEqual(['a 10', 'b 10', 'c 20'])
})

test('what follows from a timer happens before the next one', async () => {
  const time = new VirtualTime()
  const seen: number[] = []
  const react = async (): Promise<void> => {
    await setImmediate()
    await Promise.resolve()
    seen.push(time.monotonic())
    time.schedule(1, () => seen.push(time.monotonic()))
  }
  time.schedule(1, () => void react())
  time.schedule(10, () => seen.push(time.monotonic()))
  expect(await time.run(100, () => seen.length === 3)).toBe(true)
  expect(seen).toEqual([1, 2, 10])
})

test('a timer without delay does not stop the time', async () => {
  const time = new VirtualTime()
  let rounds = 0
  const again = (): void => {
    rounds += 1
    time.schedule(0, again)
  }
  again()
  await time.run(50, () => false)
  expect(rounds).toBe(51)
})

test("the process's own timers and its date follow, until they are given back", async () => {
  const time = new VirtualTime(1_000_000)
  const seen: number[] = []
  {
    using timers = takeProcessTimers(time)
    setTimeout((by: number) => seen.push(Date.now() + by), 30, 7)
    clearTimeout(setTimeout(() => seen.push(0), 10))
    clearTimeout(undefined)
    expect(timers.pending).toBe(1)
    await time.run(60, () => false)
    expect(timers.pending).toBe(0)
  }
  expect(seen).toEqual([1_000_037])
  expect(Date.now()).toBeGreaterThan(1_000_000_000)
})
