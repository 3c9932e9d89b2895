import { expect, it } from 'vitest'
import { Semaphore } from './semaphore.ts'

it('lets in as many as it has permits, the others in order', async () => {
  const semaphore = new Semaphore(2)
  const entered: number[] = []
  const enter = async (n: number): Promise<() => void> => {
    const release = await semaphore.acquire()
    entered.push(n)
    return release
  }
  const [first, second] = await Promise.all([enter(1), enter(2)])
  const third = enter(3)
  const fourth = enter(4)
  second()
  ;(await third)()
  await fourth
  first()
  expect(entered).toEqual([1, 2, 3, 4])
})

it('takes a permit back once only', async () => {
  const semaphore = new Semaphore(1)
  const release = await semaphore.acquire()
  release()
  release()
  await semaphore.acquire()
  const leaver = new AbortController()
  const waits = semaphore.acquire(leaver.signal)
  leaver.abort(new Error('left'))
  await expect(waits).rejects.toThrow('left')
})

it('skips those who left the line', async () => {
  const semaphore = new Semaphore(1)
  const release = await semaphore.acquire()
  const leaver = new AbortController()
  const leaves = semaphore.acquire(leaver.signal)
  const stays = semaphore.acquire()
  leaver.abort(new Error('left'))
  await expect(leaves).rejects.toThrow('left')
  release()
  expect(await stays).toBeTypeOf('function')
})

it('gives no permit to who comes aborted', async () => {
  const semaphore = new Semaphore(1)
  await expect(semaphore.acquire(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
  expect(await semaphore.acquire()).toBeTypeOf('function')
})
