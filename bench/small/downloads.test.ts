import { expect, test } from 'vitest'
import { forEach } from './downloads.ts'

test('every item is taken once, and never more at a time than allowed', async () => {
  const taken: number[] = []
  let running = 0
  let most = 0
  await forEach([1, 2, 3, 4, 5], 2, async (item) => {
    taken.push(item)
    most = Math.max(most, ++running)
    await Promise.resolve()
    running -= 1
  })
  expect(taken).toEqual([1, 2, 3, 4, 5])
  expect(most).toBe(2)
})

test('a failure is the failure of the whole', async () => {
  const failing = forEach([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
})
