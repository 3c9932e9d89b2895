import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { deferred, type ErrorCode } from '@damselfly/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  contentBytes,
  contentOf,
  factsOf,
  fill,
  isSame,
  put,
  readAll,
  specOf,
} from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import type { PieceStore } from '../src/index.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
let disk: FaultyDisk
let store: PieceStore
beforeEach(async () => {
  place = await makeStoreDir()
  disk = new FaultyDisk()
  store = await place.open({ disk })
})
afterEach(async () => {
  disk.heal()
  await place[Symbol.asyncDispose]()
})

const spec = specOf({ contentLength: 250, pieceLength: 100 })
const faults: [string, ErrorCode][] = [
  ['ENOSPC', 'DiskFull'],
  ['EDQUOT', 'DiskFull'],
  ['EIO', 'DiskFailed'],
  ['EMFILE', 'DiskFailed'],
]

describe('a disk that fails', () => {
  test.each(faults)('%s while writing a piece is %s and records nothing', async (errno, code) => {
    const task = await store.create(spec)
    const writer = task.writePiece(1)
    disk.fail('write', errno)
    const writing = writer.write(new Uint8Array(100))
    await expect(writing).rejects.toEqual(failsWith(code))
    await expect(writing).rejects.toMatchObject({ blame: 'local' })
    await expect(writing).rejects.toThrow(/piece 1 of task a+ failed/)
    await expect(writer.commit(factsOf())).rejects.toEqual(failsWith(code))
    expect(task.have.count).toBe(0)
    disk.heal()
    await put(task, 1)
    expect(task.have.get(1)).toBe(true)
  })

  test.each(faults)('%s while creating a task is %s and leaves nothing', async (errno, code) => {
    for (const operation of ['mkdir', 'open', 'truncate'] as const) {
      disk.fail(operation, errno)
      await expect(store.create(spec), operation).rejects.toEqual(failsWith(code))
      expect(store.list()).toEqual([])
    }
    disk.heal()
    const files = await fs.readdir(join(place.dir, 'content', 'tasks'), { recursive: true })
    expect(files.filter((name) => name.endsWith(spec.taskId))).toEqual([])
    await fill(await store.create(spec))
  })

  test('a failed read or opening is DiskFailed, and the next one works', async () => {
    await fill(await store.create(spec))
    await store.close()
    const task = (await place.open({ disk })).get(spec.taskId)
    if (task === undefined) throw new Error('the task is gone')
    for (const operation of ['open', 'read'] as const) {
      disk.fail(operation, 'EIO')
      await expect(readAll(task), operation).rejects.toEqual(failsWith('DiskFailed'))
    }
    disk.heal()
    expect(await readAll(task)).toEqual(contentOf(task))
  })

  test('content that was cut behind our back is DiskFailed', async () => {
    const task = await store.create(spec)
    await fill(task)
    await fs.truncate(join(place.dir, 'content', 'tasks', 'aaa', `${spec.taskId}@1`), 120)
    await expect(readAll(task)).rejects.toThrow(/was cut to 120 bytes/)
  })

  test('a store directory that cannot be read is DiskFailed and unlocked again', async () => {
    await store.close()
    disk.fail('readdir', 'EIO')
    await expect(place.open({ disk })).rejects.toEqual(failsWith('DiskFailed'))
    disk.heal()
    await place.open({ disk })
  })

  test('a file that cannot be removed is an error, but its task is deleted', async () => {
    await store.create(spec)
    disk.fail('remove', 'EIO')
    await expect(store.delete(spec.taskId)).rejects.toEqual(failsWith('DiskFailed'))
    expect(store.get(spec.taskId)).toBeUndefined()
    disk.heal()
    await store.close()
    expect((await place.open()).list()).toEqual([])
  })
})

describe('opening files', () => {
  const reopened = async (maxOpenFiles: number) => {
    await store.close()
    store = await place.open({ disk, maxOpenFiles })
    const task = store.get(spec.taskId)
    if (task === undefined) throw new Error('the task is gone')
    return task
  }

  test('a leased task stays readable although its file was not open when it was deleted', async () => {
    await fill(await store.create(spec))
    const task = await reopened(1)
    using _lease = task.lease()
    await store.delete(spec.taskId)
    await fill(await store.create(specOf({ id: 'other' })))
    expect(await readAll(task)).toEqual(contentOf(task))
  })

  test('a complete file is opened for reading only, because it may have become read-only', async () => {
    const modes: unknown[] = []
    disk.intercept = ({ operation, mode }) => {
      if (operation === 'open') modes.push(mode)
    }
    await fill(await store.create(spec))
    await readAll(await reopened(8))
    expect(modes).toEqual(['wx+', 'wx+', 'r'])
  })
})

describe('free space', () => {
  const withFree = async (freeBytes: number): Promise<void> => {
    await store.close()
    const space = async () => ({ totalBytes: 1000, freeBytes })
    store = await place.open({ disk: Object.assign(new FaultyDisk(), { space }) })
  }

  test('a task that does not fit is refused with both numbers', async () => {
    await withFree(249)
    const creating = store.create(spec)
    await expect(creating).rejects.toEqual(failsWith('DiskFull'))
    await expect(creating).rejects.toThrow(/needs 250 bytes, but .* has 249 free/)
    expect(store.list()).toEqual([])
    await withFree(250)
    expect((await store.create(spec)).have.count).toBe(0)
  })

  test('only what is missing of a known task has to fit', async () => {
    const spec = specOf({ contentLength: 2_500_000, pieceLength: 1_000_000 })
    const [allocated, missing] = [1_000_000, 1_500_000]
    await put(await store.create(spec, { isPartial: true }), 0)
    await withFree(missing)
    expect((await store.create(spec)).have.count).toBe(1)
    // What the file system rounds up is not missing.
    await withFree(missing - allocated / 10)
    await expect(store.create(spec)).rejects.toEqual(failsWith('DiskFull'))
  })

  test('a task of no bytes fits on a full disk', async () => {
    await withFree(0)
    expect((await store.create(specOf({ contentLength: 0 }))).isComplete).toBe(true)
  })
})

describe('writes under way', () => {
  test("an aborted writer's late write cannot damage the piece that follows", async () => {
    const task = await store.create(spec)
    const [reached, gate] = [deferred(), deferred()]
    disk.intercept = async ({ operation, earlier }) => {
      if (operation !== 'write' || earlier > 0) return
      reached.resolve()
      await gate.promise
    }
    const first = task.writePiece(0)
    const stray = first.write(new Uint8Array(100).fill(0xff))
    await reached.promise
    first.abort()
    const second = put(task, 0)
    // Takes the same way to the disk and started later: by its end the second write could have happened.
    await put(await store.create(specOf({ id: 'other' })), 0)
    gate.resolve()
    await expect(stray).rejects.toThrow('aborted')
    await second
    expect(await readPiece(task)).toEqual(contentBytes(0, 100))
  })

  test('calls that overlap on one writer are refused', async () => {
    const task = await store.create(spec)
    const writer = task.writePiece(0)
    const writing = writer.write(new Uint8Array(100))
    await expect(writer.write(new Uint8Array(1))).rejects.toThrow('was not awaited')
    await expect(writer.commit(factsOf())).rejects.toThrow('was not awaited')
    await writing
    await writer.commit(factsOf())
  })

  test('the disk sees no write of more than 1 MiB', async () => {
    const sizeBytes = 5 * 1024 * 1024 + 1
    const task = await store.create(specOf({ contentLength: sizeBytes, pieceLength: sizeBytes }))
    let writes = 0
    disk.intercept = ({ operation }) => {
      if (operation === 'write') writes += 1
    }
    await put(task, 0)
    expect(writes).toBe(6)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('closing waits for the write under way', async () => {
    const task = await store.create(spec)
    const [reached, gate] = [deferred(), deferred()]
    disk.intercept = async ({ operation }) => {
      if (operation !== 'write') return
      reached.resolve()
      await gate.promise
    }
    const writer = task.writePiece(0)
    const writing = writer.write(contentBytes(0, 100))
    await reached.promise
    let isClosed = false
    const closing = store.close().then(() => {
      isClosed = true
    })
    expect(isClosed).toBe(false)
    gate.resolve()
    await writing
    await closing
    await expect(writer.commit(factsOf())).rejects.toThrow('the store is closed')
  })

  const readPiece = async (task: { read(b: Uint8Array, o: number): Promise<number> }) => {
    const buffer = new Uint8Array(100)
    await task.read(buffer, 0)
    return buffer
  }
})
