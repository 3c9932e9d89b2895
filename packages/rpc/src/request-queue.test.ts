import { expect, test } from 'vitest'
import { RequestQueue } from './request-queue.ts'

test('messages come out in order, and close ends the reader behind them', async () => {
  const queue = new RequestQueue<number>(10)
  for (const n of [1, 2, 3]) await queue.push(n)
  queue.close()
  expect(await Array.fromAsync(queue)).toEqual([1, 2, 3])
})

test('a full queue makes its writers wait for the reader, first come first served', async () => {
  const queue = new RequestQueue<string>(1)
  await queue.push('a')
  const done: string[] = []
  const writers = ['b', 'c'].map((message) => queue.push(message).then(() => done.push(message)))
  expect(done).toEqual([])
  expect(await queue.next()).toEqual({ done: false, value: 'a' })
  await writers[0]
  expect(done).toEqual(['b'])
  expect(await queue.next()).toEqual({ done: false, value: 'b' })
  await writers[1]
  expect(await queue.next()).toEqual({ done: false, value: 'c' })
})

test('a reader that waits is woken by a message and by the end', async () => {
  const queue = new RequestQueue<string>(1)
  const first = queue.next()
  await queue.push('a')
  expect(await first).toEqual({ done: false, value: 'a' })
  const second = queue.next()
  queue.close()
  expect(await second).toEqual({ done: true, value: undefined })
})

test('fail rejects writers that wait and later ones with its error, and drops what is queued', async () => {
  const queue = new RequestQueue<string>(1)
  await queue.push('a')
  const waiting = queue.push('b')
  const error = new Error('gone')
  queue.fail(() => error)
  await expect(waiting).rejects.toBe(error)
  await expect(queue.push('c')).rejects.toBe(error)
  expect(await queue.next()).toEqual({ done: true, value: undefined })
  await queue.ended
})

test('pushing after close is a mistake of the caller', async () => {
  const queue = new RequestQueue<string>(1)
  queue.close()
  await expect(queue.push('a')).rejects.toThrow('send after closeSend')
})
