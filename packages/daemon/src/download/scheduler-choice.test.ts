import { FakeClock } from '@damselfly/core/testing'
import { expect, test } from 'vitest'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import { SchedulerChoice } from './scheduler-choice.ts'

function setUp() {
  const clock = new FakeClock()
  const [a, b] = ['a', 'b'].map((address) => {
    const link = {
      address,
      isUnavailable: false,
      markUnavailable: () => {
        link.isUnavailable = true
      },
    }
    return link
  }) as unknown as [SchedulerLink, SchedulerLink]
  const choice = new SchedulerChoice([a, b], clock)
  choice.begin()
  return { clock, choice, a, b }
}

test('after one broken connection a scheduler that gave orders is tried again before another', () => {
  const { choice, a, b } = setUp()
  expect(choice.next()).toBe(a)
  choice.hasAnswered(a)
  choice.lost(a, false)
  expect(choice.next()).toBe(a)
  choice.lost(a, false)
  expect(a.isUnavailable, 'it did not answer any more').toBe(true)
  expect(choice.next()).toBe(b)
})

test('one that breaks off again at once is left for a while', async () => {
  const { clock, choice, a, b } = setUp()
  choice.next()
  choice.hasAnswered(a)
  choice.lost(a, false)
  expect(choice.next()).toBe(a)
  choice.hasAnswered(a)
  await clock.advance(1_000)
  choice.lost(a, false)
  expect(choice.next()).toBe(b)
  choice.hasAnswered(b)
  await clock.advance(10_000)
  choice.lost(b, false)
  expect(choice.next()).toBe(b)
})

test('one that leaves a question unanswered is passed over, and so is one that never answered', () => {
  const { choice, a, b } = setUp()
  choice.next()
  choice.hasAnswered(a)
  choice.lost(a, true)
  expect(choice.next()).toBe(b)
  choice.lost(b, false)
  expect(choice.next()).toBeUndefined()
  choice.begin()
  expect(choice.next(), 'both failed a moment ago').toBeUndefined()
})
