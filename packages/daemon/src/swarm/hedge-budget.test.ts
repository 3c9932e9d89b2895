import { expect, test } from 'vitest'
import { HedgeBudget } from './hedge-budget.ts'

test('one hedge is always allowed, more only within half a per cent of the pieces', () => {
  const budget = new HedgeBudget()
  expect(budget.isAllowed(10)).toBe(true)
  budget.begin()
  expect(budget.isAllowed(10)).toBe(false)
  expect(budget.isAllowed(400)).toBe(true)
  budget.begin()
  expect(budget.isAllowed(400)).toBe(false)
})

test('only the part that came in vain is spent', () => {
  const budget = new HedgeBudget()
  budget.begin()
  budget.end(0.25)
  expect(budget.isAllowed(250)).toBe(true)
  expect(budget.isAllowed(200)).toBe(false)
  budget.begin()
  budget.end(7)
  expect(budget.isAllowed(450)).toBe(true)
  expect(budget.isAllowed(440)).toBe(false)
})
