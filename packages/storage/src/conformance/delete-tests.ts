import { describe, expect, test } from 'vitest'
import type { PieceStore, StoredTask } from '../store.ts'
import { contentOf, factsOf, fill, put, readAll, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

export function deleteTests(store: () => PieceStore): void {
  const created = async (): Promise<StoredTask> => {
    const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
    await fill(task)
    return task
  }

  describe('deleting', () => {
    test('a deleted task is gone, and an unknown one cannot be deleted', async () => {
      const task = await created()
      const deleting = store().delete(task.spec.taskId)
      expect(store().get(task.spec.taskId)).toBeUndefined()
      await deleting
      expect(store().list()).toEqual([])
      expect((await store().space()).usedBytes).toBe(0)
      await expect(store().delete(task.spec.taskId)).rejects.toEqual(failsWith('TaskNotFound'))
      await expect(task.read(new Uint8Array(1), 0)).rejects.toEqual(failsWith('TaskNotFound'))
      expect(() => task.lease()).toThrow(failsWith('TaskNotFound'))
    })

    test('who holds a lease reads on, even when the task has begun a new life', async () => {
      const task = await created()
      const lease = task.lease()
      await store().delete(task.spec.taskId)
      const reborn = await store().create({ ...task.spec, contentLength: 50 })
      expect(reborn.have.count).toBe(0)
      expect(await readAll(task)).toEqual(contentOf(task))
      lease[Symbol.dispose]()
      lease[Symbol.dispose]()
      await expect(task.read(new Uint8Array(1), 0)).rejects.toEqual(failsWith('TaskNotFound'))
      expect(store().get(task.spec.taskId)).toBe(reborn)
    })

    test('a piece on its way into a deleted task goes nowhere', async () => {
      const task = await store().create(specOf({ contentLength: 100, pieceLength: 100 }))
      const started = task.writePiece(0)
      await store().delete(task.spec.taskId)
      const reborn = await store().create(task.spec)
      await expect(started.write(new Uint8Array(5))).rejects.toEqual(failsWith('TaskNotFound'))
      expect(() => task.writePiece(0)).toThrow(failsWith('TaskNotFound'))
      expect(reborn.have.count).toBe(0)
    })

    test('a piece whose task was deleted before its commit is not recorded', async () => {
      const task = await store().create(specOf({ contentLength: 100, pieceLength: 100 }))
      const writer = task.writePiece(0)
      await writer.write(new Uint8Array(100))
      await store().delete(task.spec.taskId)
      const reborn = await store().create(task.spec)
      await expect(writer.commit(factsOf())).rejects.toEqual(failsWith('TaskNotFound'))
      expect(reborn.have.count).toBe(0)
    })

    test('create and delete of one task take turns', async () => {
      const spec = specOf({ contentLength: 100, pieceLength: 100 })
      const steps = await Promise.allSettled([
        store().create(spec),
        store().delete(spec.taskId),
        store().create(spec),
        store().delete(spec.taskId),
        store().create(spec),
      ])
      expect(steps.map((step) => step.status)).toEqual(Array(5).fill('fulfilled'))
      const task = store().get(spec.taskId)
      if (task === undefined) throw new Error('the last create left no task')
      await put(task, 0)
      expect(await readAll(task)).toEqual(contentOf(task))
    })
  })
}
