import { expect, test } from 'vitest'
import { Receipts } from './receipts.ts'

test('what came is told once, by kind', () => {
  const receipts = new Receipts()
  receipts.add('near', 5)
  receipts.add('near', 2)
  receipts.add('seed', 1)
  expect(receipts.take().bytes).toEqual({ origin: 0, seed: 1, near: 7, far: 0 })
  expect(receipts.take().bytes).toEqual({ origin: 0, seed: 0, near: 0, far: 0 })
})

test('the rate comes near to a steady flow within two seconds, and forgets it as fast', () => {
  const receipts = new Receipts()
  let rate = receipts.rate(0)
  for (let now = 100; now <= 2_000; now += 100) {
    receipts.add('far', 100)
    rate = receipts.rate(now)
  }
  expect(rate).toBeGreaterThan(900)
  expect(rate).toBeLessThanOrEqual(1_000)
  for (let now = 2_100; now <= 4_000; now += 100) rate = receipts.rate(now)
  expect(rate).toBeLessThan(100)
})
