import { afterEach, beforeEach, expect, test } from 'vitest'
import { put, specOf } from '../src/conformance/content.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
beforeEach(async () => {
  place = await makeStoreDir()
})
afterEach(() => place[Symbol.asyncDispose]())

const spec = specOf({ id: 'long', contentLength: 20_000, pieceLength: 1 })

test('a task of very many pieces is gone at once, and whoever creates it anew gets an empty one', async () => {
  const store = await place.open()
  for (const piece of [0, 10_000, 19_999]) await put(await store.create(spec), piece)
  const deleting = store.delete(spec.taskId)
  expect(store.get(spec.taskId)).toBeUndefined()
  const again = await store.create(spec)
  await deleting
  expect(again.have.count).toBe(0)
  await put(again, 7)
  await store.close()
  const kept = (await place.open()).get(spec.taskId)
  expect([...(kept?.have.setBits() ?? [])]).toEqual([7])
})
