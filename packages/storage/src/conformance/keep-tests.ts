import { describe, expect, test } from 'vitest'
import type { PieceStore, StoredTask } from '../store.ts'
import { contentOf, fill, isSame, put, readAll, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

const digest = `sha256:${'ab'.repeat(32)}`

const create = (store: PieceStore, id = 'a', pieceLength = 100, contentLength = 250) =>
  store.create(specOf({ id, contentLength, pieceLength }))

async function filled(store: PieceStore, id: string): Promise<StoredTask> {
  const task = await create(store, id)
  await fill(task)
  return task
}

export function keepTests(store: () => PieceStore): void {
  test('notes are kept by name', () => {
    expect(store().note('a')).toBeUndefined()
    store().setNote('a', 'one')
    store().setNote('boot_id', 'two')
    store().setNote('a', 'three')
    expect([store().note('a'), store().note('boot_id')]).toEqual(['three', 'two'])
  })

  describe('what decides how long a task is kept', () => {
    test('begins with nothing and changes one by one', async () => {
      const task = await create(store())
      expect(task).toMatchObject({ isPinned: false, expiresAt: undefined, policy: '' })
      task.retain({ isPinned: true })
      task.retain({ expiresAt: 5000 })
      task.retain({ policy: 'p' })
      expect(task).toMatchObject({ isPinned: true, expiresAt: 5000, policy: 'p' })
      task.retain({ isPinned: false, expiresAt: null })
      expect(task).toMatchObject({ isPinned: false, expiresAt: undefined, policy: 'p' })
    })

    test('says who uses it and what it holds', async () => {
      const task = await create(store())
      expect([task.isInUse, task.heldBytes]).toEqual([false, 0])
      const writer = task.writePiece(2)
      expect(task.isInUse).toBe(true)
      writer.abort()
      await put(task, 2)
      expect([task.isInUse, task.heldBytes]).toEqual([false, 50])
      const lease = task.lease()
      expect(task.isInUse).toBe(true)
      lease[Symbol.dispose]()
      expect(task.isInUse).toBe(false)
    })
  })

  describe('digests of the whole content', () => {
    test('are remembered when they were checked', async () => {
      const task = await filled(store(), 'a')
      expect(task.isVerified(digest)).toBe(false)
      task.recordVerified(digest)
      task.recordVerified('md5:x')
      expect([task.isVerified(digest), task.isVerified('md5:x')]).toEqual([true, true])
      expect([task.contentDigest, store().findContent(digest)]).toEqual([undefined, undefined])
    })

    test('find the content while it is complete', async () => {
      const task = await create(store())
      expect(() => task.recordContentDigest(digest)).toThrow(failsWith('InvalidArgument'))
      await fill(task)
      task.recordContentDigest(digest)
      expect(store().findContent(digest)).toBe(task)
      expect([task.contentDigest, task.isVerified(digest)]).toEqual([digest, true])
      await task.drop(0)
      expect([store().findContent(digest), task.contentDigest]).toEqual([undefined, undefined])
      await fill(task)
      task.recordContentDigest(digest)
      await store().delete(task.spec.taskId)
      expect(store().findContent(digest)).toBeUndefined()
    })
  })
}

export function adoptTests(store: () => PieceStore): void {
  describe('adopting the content of another task', () => {
    test.each([100, 70])('fills a task with pieces of %i bytes', async (pieceLength) => {
      const [from, to] = [await filled(store(), 'from'), await create(store(), 'to', pieceLength)]
      await put(to, 1)
      await to.adopt(from)
      expect(to.isComplete).toBe(true)
      expect(isSame(await readAll(to), contentOf(to))).toBe(true)
      for (const { number, trafficType } of to.pieces()) {
        expect(await to.verify(number), `piece ${number}`).toBe(true)
        if (number !== 1) expect(trafficType).toBe('local-peer')
      }
      await store().delete(from.spec.taskId)
      expect(isSame(await readAll(to), contentOf(to))).toBe(true)
    })

    test('leaves each its own when a piece comes again', async () => {
      const [from, to] = [await filled(store(), 'from'), await create(store(), 'to')]
      await to.adopt(from)
      await to.drop(1)
      const writer = to.writePiece(1)
      await writer.write(new Uint8Array(100))
      writer.abort()
      expect(isSame(await readAll(from), contentOf(from))).toBe(true)
      await put(to, 1)
      expect(isSame(await readAll(to), contentOf(to))).toBe(true)
    })

    test('is refused when there is nothing to adopt or somebody receives', async () => {
      const [from, to] = [await create(store(), 'from'), await create(store(), 'to')]
      const other = await create(store(), 'other', 100, 251)
      await fill(other)
      await expect(to.adopt(from)).rejects.toEqual(failsWith('InvalidArgument'))
      await expect(to.adopt(other)).rejects.toEqual(failsWith('InvalidArgument'))
      await fill(from)
      const writer = to.writePiece(0)
      await expect(to.adopt(from)).rejects.toEqual(failsWith('InvalidArgument'))
      writer.abort()
      await to.adopt(from)
      await to.adopt(to)
      expect(to.isComplete).toBe(true)
    })
  })
}
