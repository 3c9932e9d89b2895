import { describe, expect, test } from 'vitest'
import type { PieceStore } from '../store.ts'
import { contentOf, fill, put, readBytes, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

export function readTests(store: () => PieceStore): void {
  describe('reading', () => {
    test('a read may cross pieces and ends with the content', async () => {
      const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      await fill(task)
      expect(await readBytes(task, 50, 150)).toEqual(contentOf(task).subarray(50, 200))
      const buffer = new Uint8Array(100)
      expect(await task.read(buffer, 240)).toBe(10)
      expect(await task.read(buffer, 250)).toBe(0)
      await expect(task.read(buffer, 251)).rejects.toEqual(failsWith('InvalidArgument'))
      await expect(task.read(buffer, -1)).rejects.toEqual(failsWith('InvalidArgument'))
    })

    test('bytes of a missing piece are not read', async () => {
      const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      await put(task, 0)
      await put(task, 2)
      expect(await readBytes(task, 90, 10)).toEqual(contentOf(task).subarray(90, 100))
      for (const offset of [50, 100, 199]) {
        const reading = task.read(new Uint8Array(60), offset)
        await expect(reading, `from ${offset}`).rejects.toEqual(failsWith('PieceNotFound'))
      }
    })
  })
}
