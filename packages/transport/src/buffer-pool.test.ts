import { isDfError } from '@damselfly/core'
import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

const pool = (maxBuffers: number) => new BufferPool({ bufferBytes: 1024, maxBuffers })

test('buffers are made when needed and used again', async () => {
  const p = pool(2)
  expect(p.stats).toEqual({ inUse: 0, highWater: 0, allocated: 0, waiting: 0 })
  const a = await p.acquire()
  expect(a.byteLength).toBe(1024)
  p.release(a)
  expect(await p.acquire()).toBe(a)
  expect(p.stats).toEqual({ inUse: 1, highWater: 1, allocated: 1, waiting: 0 })
})

test('when all are lent, those who want one wait in line', async () => {
  const p = pool(1)
  const a = await p.acquire()
  const order: string[] = []
  const queue = async (name: string): Promise<Uint8Array> => {
    const buffer = await p.acquire()
    order.push(name)
    return buffer
  }
  const first = queue('first')
  const second = queue('second')
  expect(p.stats).toEqual({ inUse: 1, highWater: 1, allocated: 1, waiting: 2 })
  p.release(a)
  p.release(await first)
  p.release(await second)
  expect(order).toEqual(['first', 'second'])
  expect(p.stats).toEqual({ inUse: 0, highWater: 1, allocated: 1, waiting: 0 })
})

test('waiting ends with the reason of the signal, and the next in line is served', async () => {
  const p = pool(1)
  const a = await p.acquire()
  const controller = new AbortController()
  const impatient = p.acquire(controller.signal)
  const patient = p.acquire()
  controller.abort(new Error('enough'))
  await expect(impatient).rejects.toThrow('enough')
  p.release(a)
  expect(await patient).toBe(a)
  await expect(p.acquire(controller.signal)).rejects.toThrow('enough')
})

test('a signal that aborts after its buffer was handed over has no effect', async () => {
  const p = pool(1)
  const a = await p.acquire()
  const controller = new AbortController()
  const next = p.acquire(controller.signal)
  p.release(a)
  controller.abort()
  p.release(await next)
  expect(p.stats.inUse).toBe(0)
})

test('releasing twice, or something else, is an error', async () => {
  const p = pool(2)
  const a = await p.acquire()
  p.release(a)
  const misuse = (buffer: Uint8Array) => {
    try {
      p.release(buffer)
    } catch (error) {
      return isDfError(error, 'Internal')
    }
    return false
  }
  expect(misuse(a)).toBe(true)
  expect(misuse(new Uint8Array(1024))).toBe(true)
  const b = await p.acquire()
  expect(misuse(b.subarray(0, 10))).toBe(true)
})

test('a pool without buffers, or of empty ones, cannot be made', () => {
  expect(() => pool(0)).toThrow('A pool of 0 buffers')
  expect(() => new BufferPool({ bufferBytes: 0, maxBuffers: 1 })).toThrow('0 bytes')
})
