import { asTaskId } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import type { PieceStore } from '../store.ts'
import { put, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

export function taskTests(store: () => PieceStore): void {
  describe('tasks', () => {
    test('an empty store knows nothing', () => {
      expect(store().get(asTaskId('unknown'))).toBeUndefined()
      expect(store().list()).toEqual([])
    })

    test('a new task is there and holds no piece', async () => {
      const spec = specOf({ contentLength: 250, pieceLength: 100 })
      const task = await store().create(spec)
      expect(task.spec).toEqual(spec)
      expect(task).toMatchObject({ pieceCount: 3, isComplete: false })
      expect([task.have.count, task.pieces(), task.piece(0)]).toEqual([0, [], undefined])
      expect(store().get(spec.taskId)).toBe(task)
      expect(store().list()).toEqual([task])
    })

    test('creating a task again, even at the same time, gives the same task', async () => {
      const spec = specOf({ contentLength: 250, pieceLength: 100 })
      const [first, second] = await Promise.all([store().create(spec), store().create(spec)])
      expect(second).toBe(first)
      await put(first, 1)
      const third = await store().create({ ...spec, url: 'http://other.test/' })
      expect(third).toBe(first)
      expect(third.have.count).toBe(1)
    })

    test('a task of another geometry is refused', async () => {
      await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      for (const other of [{ contentLength: 251 }, { pieceLength: 50 }]) {
        const spec = specOf({ contentLength: 250, pieceLength: 100, ...other })
        await expect(store().create(spec), JSON.stringify(other)).rejects.toEqual(
          failsWith('InvalidArgument'),
        )
      }
    })

    test('a task that is not possible is refused', async () => {
      for (const wrong of [{ contentLength: -1 }, { contentLength: 1.5 }, { pieceLength: 0 }]) {
        const spec = specOf({ contentLength: 10, pieceLength: 4, ...wrong })
        await expect(store().create(spec), JSON.stringify(wrong)).rejects.toEqual(
          failsWith('InvalidArgument'),
        )
      }
      expect(store().list()).toEqual([])
    })

    test('a task of no bytes is complete at once', async () => {
      const task = await store().create(specOf({ contentLength: 0 }))
      expect(task).toMatchObject({ pieceCount: 0, isComplete: true })
      expect(await task.read(new Uint8Array(5), 0)).toBe(0)
    })

    test('the space in use is what the pieces take', async () => {
      const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      expect((await store().space()).usedBytes).toBe(0)
      await put(task, 0)
      await put(task, 2)
      const { usedBytes, freeBytes, totalBytes } = await store().space()
      expect(usedBytes).toBe(150)
      expect(freeBytes).toBeLessThanOrEqual(totalBytes)
    })

    test('closing twice is closing once, and a closed store takes nothing', async () => {
      await Promise.all([store().close(), store().close()])
      await expect(store().create(specOf({}))).rejects.toEqual(failsWith('Internal'))
    })
  })
}
