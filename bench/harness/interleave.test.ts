import { expect, test } from 'vitest'
import { interleave, takeTurns } from './interleave.ts'

test('the two sides take turns', async () => {
  const order: string[] = []
  const side = (name: string) => async (run: number) => {
    order.push(`${name} ${run}`)
    return run * 10
  }
  const { signal } = new AbortController()
  const results = await interleave(2, { ours: side('ours'), peer: side('peer') }, signal)
  expect(order).toEqual(['ours 0', 'peer 0', 'ours 1', 'peer 1'])
  expect(results).toEqual({ ours: [0, 10], peer: [0, 10] })
})

test('an abort ends it before the next measurement', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  let peerRuns = 0
  const measuring = interleave(
    5,
    {
      ours: async () => controller.abort(reason),
      peer: async () => {
        peerRuns += 1
      },
    },
    controller.signal,
  )
  await expect(measuring).rejects.toBe(reason)
  expect(peerRuns).toBe(0)
})

test('three sides take turns, too', async () => {
  const order: string[] = []
  const side = (name: string) => async () => order.push(name)
  const { signal } = new AbortController()
  const sides = { one: side('one'), two: side('two'), absent: undefined, three: side('three') }
  expect(await takeTurns(2, sides, signal)).toEqual({
    one: [1, 4],
    two: [2, 5],
    absent: [],
    three: [3, 6],
  })
  expect(order).toEqual(['one', 'two', 'three', 'one', 'two', 'three'])
})
