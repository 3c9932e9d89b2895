import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { isLargeBeside, usableMemory } from './large-content.ts'

const gibibyte = 1024 ** 3

test('a sixteenth of the memory is the limit', () => {
  expect(isLargeBeside(16 * gibibyte, gibibyte)).toBe(true)
  expect(isLargeBeside(16 * gibibyte, gibibyte - 1)).toBe(false)
})

test('a process may use some memory, though no more than there is', () => {
  expect(usableMemory()).toBeGreaterThan(0)
  expect(usableMemory()).toBeLessThanOrEqual(totalmem())
})
