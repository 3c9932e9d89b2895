import { seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { DueHeap } from './due-heap.ts'
import { EventQueue } from './event-queue.ts'

test('events come in the order of time, and of their coming at the same time', () => {
  const random = seededRandom(3)
  const queue = new EventQueue()
  const pushed = Array.from({ length: 5000 }, (_, number) => ({
    at: Math.floor(random.next() * 300),
    number,
  }))
  for (const { at, number } of pushed) queue.push(at, 7, number, number + 1)
  const popped: { at: number; number: number }[] = []
  while (queue.pop()) {
    expect([queue.kind, queue.b - queue.a]).toEqual([7, 1])
    popped.push({ at: queue.at, number: queue.a })
  }
  expect(popped).toEqual(pushed.sort((a, b) => a.at - b.at || a.number - b.number))
  expect(queue.nextAt).toBe(Number.POSITIVE_INFINITY)
})

test('items of a due heap can be taken out anywhere', () => {
  const random = seededRandom(4)
  const dues = Array.from({ length: 2000 }, () => Math.floor(random.next() * 500))
  const heap = new DueHeap((item) => dues[item]!)
  for (const item of dues.keys()) heap.add(item)
  const kept = [...dues.keys()].filter((item) => item % 3 !== 0)
  for (const item of dues.keys()) if (item % 3 === 0) heap.remove(item)
  for (const item of kept) dues[item] = Math.floor(random.next() * 500)
  heap.reorder()
  const order: number[] = []
  for (let item = heap.first; item >= 0; item = heap.first) {
    order.push(item)
    heap.remove(item)
  }
  expect(order).toEqual(kept.sort((a, b) => dues[a]! - dues[b]! || a - b))
})
