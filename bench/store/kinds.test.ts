import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { openKind, storeKinds, taskOf } from './kinds.ts'
import { readPieces, writePieces } from './passes.ts'

const pieceLength = 8_192

test.each(storeKinds)('pieces go into the kind "$name" and come out again', async (kind) => {
  await using dir = await tmpDir()
  const store = await openKind(kind, dir.path)
  try {
    const task = await store.create(taskOf('some', 5, pieceLength))
    expect(await writePieces(task, new Uint8Array(3_000).fill(1))).toBeGreaterThan(0)
    expect(task.isComplete).toBe(true)
    expect(await task.verify(4)).toBe(true)
    expect(readPieces(task)).toBeGreaterThan(0)
  } finally {
    await store.close()
  }
})

test('tasks of other names are others', () => {
  expect(taskOf('a', 1, 1).taskId).not.toBe(taskOf('b', 1, 1).taskId)
  expect(taskOf('a', 3, 100).contentLength).toBe(300)
})
