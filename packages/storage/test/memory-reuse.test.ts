import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentOf, fill, isSame, put, readAll, specOf } from '../src/conformance/content.ts'
import { type ContentPlace, type PieceStore, placeWithin, type StoredTask } from '../src/index.ts'
import { openPlace } from '../src/place.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

const segment = 4 * 1024 * 1024
const contentLength = 2 * segment + 1000
const maxBytes = 8 * segment

let place: StoreDir
let store: PieceStore
beforeEach(async () => {
  place = await makeStoreDir()
  store = await place.open({ media: { kind: 'memory', maxBytes } })
})
afterEach(() => place[Symbol.asyncDispose]())

const create = (id: string, length = contentLength): Promise<StoredTask> =>
  store.create(specOf({ id, contentLength: length, pieceLength: segment }))

const segmentsOf = ({ place }: { place: ContentPlace }): readonly SharedArrayBuffer[] =>
  place.kind === 'memory' ? place.segments : []

const shared = (one: { place: ContentPlace }, other: { place: ContentPlace }): number =>
  segmentsOf(one).filter((bytes) => segmentsOf(other).includes(bytes)).length

/** Like a thread, which got the place in a message. */
const sent = ({ place }: StoredTask): { place: ContentPlace } => ({ place })

describe('the memory of a content that is gone', () => {
  test('is that of the next, except for the end', async () => {
    const first = await create('first')
    await fill(first)
    const before = sent(first)
    await store.delete(first.spec.taskId)
    const second = await create('second')
    expect(shared(second, before)).toBe(2)
    await fill(second)
    expect(isSame(await readAll(second), contentOf(second))).toBe(true)
  })

  test('is not used again while somebody reads it', async () => {
    const first = await create('first')
    await fill(first)
    const before = sent(first)
    const lease = first.lease()
    await store.delete(first.spec.taskId)
    expect(shared(await create('second'), before)).toBe(0)
    const bytes = new Uint8Array(contentLength)
    expect(openPlace(before.place).read(bytes, 0)).toBe(contentLength)
    expect(isSame(bytes, contentOf(first))).toBe(true)
    lease[Symbol.dispose]()
    expect(shared(await create('third'), before)).toBe(2)
  })

  test('is not used again while a piece of it is being written', async () => {
    const first = await create('first')
    const before = sent(first)
    const reservation = first.reserve(1)
    await store.delete(first.spec.taskId)
    expect(shared(await create('second'), before)).toBe(0)
    reservation.abort()
    expect(shared(await create('third'), before)).toBe(2)
  })

  test('is given back to the system when other contents need the room', async () => {
    const first = await create('first', maxBytes)
    const before = sent(first)
    await store.delete(first.spec.taskId)
    // More than half of the memory is not made of whole segments.
    for (let i = 0; i < 5; i++) await create(`small ${i}`, segment - 1)
    expect(shared(await create('large', 3 * segment), before)).toBe(3)
  })
})

test('a copy in memory stays as it is while somebody reads it, though its memory is wanted', async () => {
  const tiered = await place.open({ media: { kind: 'tiered', maxBytes: 3 * segment } })
  const spec = (id: string) => specOf({ id, contentLength: 2 * segment, pieceLength: segment })
  const first = await tiered.create(spec('first'))
  await fill(first)
  using _lease = first.lease()
  const before = sent(first)
  // Does not fit beside it.
  const second = await tiered.create(spec('second'))
  await fill(second)
  expect(shared(second, before)).toBe(0)
  const bytes = new Uint8Array(2 * segment)
  openPlace(before.place).read(bytes, 0)
  expect(isSame(bytes, contentOf(first))).toBe(true)
})

test('a thread is sent no more of a place than it needs', async () => {
  const task = await create('task')
  await fill(task)
  const { offset, length } = await lastPiece(task)
  const within = placeWithin(task.place, { offset, length })
  expect(segmentsOf({ place: within })).toHaveLength(1)
  const bytes = new Uint8Array(length)
  expect(openPlace(within).read(bytes, offset)).toBe(length)
  expect(isSame(bytes, contentOf(task).subarray(offset))).toBe(true)
  // Over the end of a segment.
  const across = { offset: segment - 10, length: 20 }
  const both = openPlace(placeWithin(task.place, across))
  both.write(new Uint8Array(20).fill(9), across.offset)
  expect(both.read(new Uint8Array(20), across.offset)).toBe(20)
  expect((await readAll(task)).subarray(across.offset, across.offset + 20)).toEqual(
    new Uint8Array(20).fill(9),
  )
})

async function lastPiece(task: StoredTask): Promise<{ offset: number; length: number }> {
  const record = task.piece(task.pieceCount - 1)
  return record ?? (await put(task, task.pieceCount - 1))
}
