import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { isWrittenBack, usableMemory } from './write-back-choice.ts'

const gibibyte = 1024 ** 3

test('a sixteenth of the memory is the limit', () => {
  expect(isWrittenBack(gibibyte, 16 * gibibyte)).toBe(true)
  expect(isWrittenBack(gibibyte - 1, 16 * gibibyte)).toBe(false)
})

test('a process may use some memory, though no more than there is', () => {
  expect(usableMemory()).toBeGreaterThan(0)
  expect(usableMemory()).toBeLessThanOrEqual(totalmem())
})
