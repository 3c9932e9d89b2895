import { describe, expect, it } from 'vitest'
import { AsyncQueue } from './async-queue.ts'

async function drain<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of queue) values.push(value)
  return values
}

describe('AsyncQueue', () => {
  it('delivers in order what was pushed before and after the consumer came', async () => {
    const queue = new AsyncQueue<number>(10)
    queue.push(1)
    queue.push(2)
    const values = drain(queue)
    queue.push(3)
    queue.close()
    expect(await values).toEqual([1, 2, 3])
  })

  it('says no when full and yes again when there is room', async () => {
    const queue = new AsyncQueue<string>(2)
    expect([queue.push('a'), queue.push('b'), queue.push('c')]).toEqual([true, true, false])
    expect(queue.size).toBe(2)
    const consumer = queue[Symbol.asyncIterator]()
    expect(await consumer.next()).toEqual({ done: false, value: 'a' })
    expect(queue.push('d')).toBe(true)
  })

  it('hands a value to a waiting consumer although it may hold none', async () => {
    const queue = new AsyncQueue<number>(0)
    expect(queue.push(1)).toBe(false)
    const next = queue[Symbol.asyncIterator]().next()
    expect(queue.push(2)).toBe(true)
    expect(await next).toEqual({ done: false, value: 2 })
  })

  it('says no after close, and ends after what waits', async () => {
    const queue = new AsyncQueue<number>(5)
    queue.push(1)
    queue.close()
    expect([queue.push(2), queue.isClosed]).toEqual([false, true])
    expect(await drain(queue)).toEqual([1])
    expect(await drain(queue)).toEqual([])
  })

  it('throws after what waits when it failed', async () => {
    const queue = new AsyncQueue<number>(5)
    queue.push(1)
    queue.fail(new Error('producer broke'))
    queue.close()
    const consumer = queue[Symbol.asyncIterator]()
    expect(await consumer.next()).toEqual({ done: false, value: 1 })
    await expect(consumer.next()).rejects.toThrow('producer broke')
  })

  it('wakes waiting consumers when it is closed or fails', async () => {
    const closed = new AsyncQueue<number>(1)
    const ends = drain(closed)
    closed.close()
    expect(await ends).toEqual([])
    const failed = new AsyncQueue<number>(1)
    const fails = drain(failed)
    failed.fail(new Error('broke'))
    await expect(fails).rejects.toThrow('broke')
  })

  it('closes and empties itself when the consumer leaves', async () => {
    const queue = new AsyncQueue<number>(5)
    queue.push(1)
    queue.push(2)
    for await (const value of queue) {
      expect(value).toBe(1)
      break
    }
    expect([queue.push(3), queue.size, queue.isClosed]).toEqual([false, 0, true])
  })

  it('gives each value to one of several consumers', async () => {
    const queue = new AsyncQueue<number>(10)
    const all = Promise.all([drain(queue), drain(queue)])
    for (let i = 0; i < 6; i++) queue.push(i)
    queue.close()
    expect((await all).flat().sort()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('carries undefined like any other value', async () => {
    const queue = new AsyncQueue<undefined>(2)
    queue.push(undefined)
    queue.close()
    expect(await drain(queue)).toEqual([undefined])
  })
})
