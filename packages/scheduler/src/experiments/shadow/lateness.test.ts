import { expect, it } from 'vitest'
import { Lateness } from './lateness.ts'

it('is late while ticks come more than 50 ms after their time', () => {
  const lateness = new Lateness(1_000)
  const seen = [0, 1_010, 2_070, 3_060].map((at) => {
    lateness.tick(at)
    return lateness.isLate
  })
  expect(seen).toEqual([false, false, true, false])
})
