import { expect, test } from 'vitest'
import { Landings } from './landings.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('pieces are told in the order in which they were cut', async () => {
  const landings = new Landings()
  const told: number[] = []
  const first = Promise.withResolvers<number>()
  landings.add(first.promise, (number) => told.push(number))
  landings.add(Promise.resolve(2), (number) => told.push(number))
  await settled()
  expect(told).toEqual([])
  first.resolve(1)
  await landings.settled()
  expect(told).toEqual([1, 2])
  landings.check()
})

test('after one that failed no other is told, and all are waited for', async () => {
  const landings = new Landings()
  const told: number[] = []
  const late = Promise.withResolvers<number>()
  landings.add(Promise.reject(new Error('full')), () => told.push(1))
  landings.add(late.promise, () => told.push(2))
  let isSettled = false
  const waiting = landings.settled().then(() => {
    isSettled = true
  })
  await settled()
  expect(isSettled).toBe(false)
  late.resolve(2)
  await waiting
  expect(told).toEqual([])
  expect(() => landings.check()).toThrow('full')
  expect(() => landings.add(Promise.resolve(3), () => told.push(3))).toThrow('full')
  await landings.settled()
  expect(told).toEqual([])
})
