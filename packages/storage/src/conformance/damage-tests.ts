import * as fs from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { PieceStore, StoredTask } from '../store.ts'
import {
  contentBytes,
  contentOf,
  fill,
  isSame,
  put,
  readAll,
  readBytes,
  specOf,
} from './content.ts'
import { failsWith } from './fails-with.ts'

/** Flips a bit of what is stored for the byte at `offset` of a task. */
export type Damage = (task: StoredTask, offset: number) => void | Promise<void>

async function filledTask(store: PieceStore): Promise<StoredTask> {
  const task = await store.create(specOf({ contentLength: 250, pieceLength: 100 }))
  await fill(task)
  return task
}

export function damageTests(
  store: () => PieceStore,
  output: (name: string) => string,
  damage: () => Damage,
): void {
  const create = (): Promise<StoredTask> => filledTask(store())

  describe('a damaged piece', () => {
    test('is found by verifying, and only it', async () => {
      const task = await create()
      await damage()(task, 150)
      expect(await Promise.all([0, 1, 2].map((n) => task.verify(n)))).toEqual([true, false, true])
    })

    test('that is dropped is told to whoever listens, until they stop', async () => {
      const task = await create()
      const heard: unknown[] = []
      const stop = store().onDrop((dropped) => void heard.push(dropped))
      await task.drop(1)
      await task.drop(1)
      stop()
      await task.drop(0)
      expect(heard).toEqual([{ taskId: task.spec.taskId, number: 1 }])
    })

    test('that was dropped is gone until it comes again', async () => {
      const task = await create()
      task.recordVerified('sha256:abc')
      await damage()(task, 199)
      await task.drop(1)
      await task.drop(1)
      expect([task.isComplete, task.heldBytes, task.piece(1)]).toEqual([false, 150, undefined])
      expect([task.isVerified('sha256:abc'), await task.verify(1)]).toEqual([false, false])
      await expect(readAll(task)).rejects.toEqual(failsWith('PieceNotFound'))
      expect(isSame(await readBytes(task, 0, 100), contentBytes(0, 100))).toBe(true)
      await put(task, 1)
      expect(isSame(await readAll(task), contentOf(task))).toBe(true)
      expect(await task.verify(1)).toBe(true)
    })

    test('that comes again does not touch what was exported before', async () => {
      const task = await create()
      await task.exportTo(output('a'), { overwrite: false, forceHardLink: false })
      await task.drop(0)
      const writer = task.writePiece(0)
      await writer.write(new Uint8Array(100))
      writer.abort()
      expect(isSame(await fs.readFile(output('a')), contentOf(task))).toBe(true)
      await fill(task)
      expect(isSame(await readAll(task), contentOf(task))).toBe(true)
    })

    test('that is not there cannot be verified or dropped', async () => {
      const task = await create()
      for (const number of [-1, 0.5, 3]) {
        expect(await task.verify(number), `piece ${number}`).toBe(false)
        await task.drop(number)
      }
      expect(task.isComplete).toBe(true)
    })
  })
}

/** For stores that encrypt. */
export function sealedDamageTests(store: () => PieceStore, damage: () => Damage): void {
  const create = (): Promise<StoredTask> => filledTask(store())

  test('a damaged piece that is sealed is never read, and dropped', async () => {
    const task = await create()
    expect(task.piece(0)?.seal).toBeDefined()
    await damage()(task, 100)
    for (const [offset, length] of [
      [199, 1],
      [0, 250],
    ] as const) {
      await damage()(task, 100)
      await damage()(task, 100)
      const reading = task.read(new Uint8Array(length), offset)
      await expect(reading, `${length} at ${offset}`).rejects.toThrow(/does not open|not in the/)
    }
    expect([...task.have.setBits()]).toEqual([0, 2])
  })
}
