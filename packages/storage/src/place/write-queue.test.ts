import { FakeClock } from '@damselfly/core/testing'
import { expect, test } from 'vitest'
import { WriteQueue } from './write-queue.ts'

const mebibyte = 1024 * 1024

/** A queue that has been full for so long, while the disk wrote 256 MiB. */
async function setUp(fullMs: number): Promise<WriteQueue> {
  const clock = new FakeClock()
  const queue = new WriteQueue(clock)
  for (let begun = 0; begun < 6; begun++) queue.began()
  for (let written = 0; written < 256; written++) {
    queue.began()
    await clock.advance(fullMs / 256)
    queue.ended(mebibyte)
  }
  return queue
}

test('is full at six writes and has room as soon as one of them ends', async () => {
  const queue = new WriteQueue(new FakeClock())
  for (let begun = 0; begun < 5; begun++) queue.began()
  expect(queue.room).toBeUndefined()
  queue.began()
  const { room } = queue
  queue.ended(mebibyte)
  await room
  expect(queue.room).toBeUndefined()
})

test('a disk that writes 256 MiB in less than half a second keeps up', async () => {
  expect((await setUp(499)).keepsUp(mebibyte)).toBe(true)
})

test('a slower one is spared the next GiB, and tried again then', async () => {
  const queue = await setUp(501)
  const spared = Array.from({ length: 1024 / 4 }, () => queue.keepsUp(4 * mebibyte))
  expect(new Set(spared)).toEqual(new Set([false]))
  expect(queue.keepsUp(4 * mebibyte)).toBe(true)
})

test('how long writes take while there is room says nothing', async () => {
  const clock = new FakeClock()
  const queue = new WriteQueue(clock)
  for (let written = 0; written < 100; written++) {
    queue.began()
    await clock.advance(1_000)
    queue.ended(mebibyte)
  }
  expect(queue.keepsUp(mebibyte)).toBe(true)
})
