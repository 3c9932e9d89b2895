import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { deferred } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  contentOf,
  factsOf,
  fill,
  isSame,
  put,
  readAll,
  specOf,
} from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import type { EngineTask } from '../src/engine/stored-task.ts'
import type { CrashPointName, PieceStore, StoredTask } from '../src/index.ts'
import { FaultyDisk, systemError } from './faulty-disk.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
let disk: FaultyDisk
beforeEach(async () => {
  place = await makeStoreDir()
  disk = new FaultyDisk()
})
afterEach(async () => {
  disk.heal()
  await place[Symbol.asyncDispose]()
})

const spec = specOf({ contentLength: 2500, pieceLength: 1000 })
const other = specOf({ id: 'other', contentLength: 2500, pieceLength: 1000 })

async function filled(store: PieceStore, of = spec): Promise<StoredTask> {
  const task = await store.create(of)
  await fill(task)
  return task
}

const pathOf = ({ place }: StoredTask): string => (place.kind === 'file' ? place.path : place.kind)

async function until(condition: () => boolean | undefined): Promise<void> {
  for (let turn = 0; turn < 100_000 && condition() !== true; turn++) await setImmediate()
  expect(condition()).toBe(true)
}

/** The task is on the disk, whatever is in memory. */
const isKept = (task: StoredTask): boolean => (task as EngineTask).medium.isKept

function getTask(store: PieceStore): StoredTask {
  const task = store.get(spec.taskId)
  if (task === undefined) throw new Error('the task is gone')
  return task
}

describe('a store that is opened again', () => {
  test('knows how long tasks are kept and what was verified', async () => {
    const store = await place.open()
    const task = await filled(store)
    task.retain({ isPinned: true, expiresAt: 77, policy: 'never' })
    task.recordVerified('md5:a')
    task.recordContentDigest('sha256:b')
    await store.close()
    const again = await place.open()
    const found = getTask(again)
    expect(found).toMatchObject({ isPinned: true, expiresAt: 77, policy: 'never' })
    expect([found.isVerified('md5:a'), found.isVerified('sha256:b')]).toEqual([true, true])
    expect(again.findContent('sha256:b')).toBe(found)
  })

  test('does not let pieces be written into a file that others share', async () => {
    const store = await place.open()
    const task = await filled(store)
    const output = join(place.outputDir, 'a')
    await task.exportTo(output, { overwrite: false, forceHardLink: true })
    disk.fail('open', 'EIO', 'content')
    const before = pathOf(task)
    await task.drop(0)
    const after = pathOf(task)
    expect(after).not.toBe(before)
    expect((await fs.stat(after)).nlink).toBe(1)
    await put(task, 0)
    expect(isSame(await fs.readFile(output), contentOf(task))).toBe(true)
  })

  test('moves such a file when a crash came before it was moved', async () => {
    const store = await place.open({ disk })
    const task = await filled(store)
    const output = join(place.outputDir, 'a')
    await task.exportTo(output, { overwrite: false, forceHardLink: true })
    disk.fail('open', 'EIO', 'content')
    await expect(task.drop(0)).rejects.toEqual(failsWith('DiskFailed'))
    expect(() => task.reserve(0)).toThrow('not ready')
    disk.heal()
    await store.close()
    const found = getTask(await place.open())
    const writer = found.writePiece(0)
    await writer.write(new Uint8Array(1000))
    writer.abort()
    expect(isSame(await fs.readFile(output), contentOf(task))).toBe(true)
  })
})

describe('the same content under two tasks', () => {
  test('is stored once', async () => {
    const store = await place.open()
    const task = await filled(store)
    const second = await store.create(other)
    await second.adopt(task)
    expect((await fs.stat(pathOf(second))).ino).toBe((await fs.stat(pathOf(task))).ino)
    expect((await fs.readdir(join(place.dir, 'content', 'tasks', 'oth'))).length).toBe(1)
    await store.close()
    const again = await place.open()
    for (const found of again.list()) {
      expect(isSame(await readAll(found), contentOf(found)), found.spec.taskId).toBe(true)
    }
  })

  test('is copied where it cannot be linked', async () => {
    const store = await place.open({ disk })
    const task = await filled(store)
    disk.fail('link', 'EMLINK')
    const second = await store.create(other)
    await second.adopt(task)
    expect((await fs.stat(pathOf(second))).ino).not.toBe((await fs.stat(pathOf(task))).ino)
    expect(isSame(await readAll(second), contentOf(second))).toBe(true)
  })

  test('is copied from another store', async () => {
    const task = await filled(await place.open({ media: { kind: 'memory', maxBytes: 10_000 } }))
    const second = await (await place.open()).create(other)
    await second.adopt(task)
    expect(isSame(await readAll(second), contentOf(second))).toBe(true)
  })

  test('is not shared between keys', async () => {
    const keyFor = ({ taskId }: typeof spec) => new Uint8Array(32).fill(taskId.length)
    const store = await place.open({ keyFor })
    const task = await filled(store)
    const second = await store.create(other)
    await second.adopt(task)
    expect((await fs.stat(pathOfSealed(second))).ino).not.toBe(
      (await fs.stat(pathOfSealed(task))).ino,
    )
    expect(isSame(await readAll(second), contentOf(second))).toBe(true)
  })
})

const pathOfSealed = ({ place }: StoredTask): string =>
  place.kind === 'sealed' && place.inner.kind === 'file' ? place.inner.path : place.kind

describe('a sealed store', () => {
  const keyFor = (): Uint8Array => new Uint8Array(32).fill(1)

  test('has nothing plain on the disk, and every writing is another', async () => {
    const store = await place.open({ keyFor })
    const task = await filled(store)
    const [first, seal] = [await fs.readFile(pathOfSealed(task)), task.piece(0)?.seal]
    expect(first.byteLength).toBe(2500)
    expect(first.indexOf(contentOf(task).subarray(100, 120))).toBe(-1)
    await task.drop(0)
    await put(task, 0)
    const second = await fs.readFile(pathOfSealed(task))
    expect(isSame(first.subarray(0, 1000), second.subarray(0, 1000))).toBe(false)
    expect(task.piece(0)?.seal).not.toEqual(seal)
  })

  test('opened with another key serves nothing', async () => {
    const store = await place.open({ keyFor })
    await filled(store)
    await store.close()
    const task = getTask(await place.open({ keyFor: () => new Uint8Array(32).fill(2) }))
    expect(await task.verify(0)).toBe(false)
    await expect(readAll(task)).rejects.toEqual(failsWith('PieceCorrupt'))
    expect(task.have.get(0)).toBe(false)
    await fill(task)
    for (const number of [1, 2]) if (!(await task.verify(number))) await task.drop(number)
    await fill(task)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('opened without keys drops what it cannot read; what was plain stays readable', async () => {
    const plain = await place.open()
    await filled(plain, other)
    await plain.close()
    const store = await place.open({ keyFor })
    await filled(store)
    expect(store.list().map(({ place }) => place.kind)).toEqual(['file', 'sealed'])
    await store.close()
    const again = await place.open()
    expect(again.list().map((task) => task.spec.taskId)).toEqual([other.taskId])
    expect(
      isSame(
        await readAll(again.list()[0] as StoredTask),
        contentOf(again.list()[0] as StoredTask),
      ),
    ).toBe(true)
  })

  test('refuses a key that is none, and a piece without a seal', async () => {
    const wrong = await place.open({ keyFor: () => new Uint8Array(16) })
    await expect(wrong.create(spec)).rejects.toEqual(failsWith('InvalidConfig'))
    await wrong.close()
    const task = await (await place.open({ keyFor })).create(spec)
    const digests = { crc32: 0, blake3: new Uint8Array(32) }
    const committing = task.reserve(0).commit({ ...factsOf(), digests })
    await expect(committing).rejects.toEqual(failsWith('InvalidArgument'))
    expect(task.have.count).toBe(0)
  })
})

describe('a durable store', () => {
  test('syncs the content, then the metadata, once for all that come together', async () => {
    const store = await place.open({ mode: 'durable', disk })
    const task = await store.create(specOf({ contentLength: 64_000, pieceLength: 1000 }))
    const synced: string[] = []
    disk.intercept = ({ operation, path }) => {
      if (operation === 'sync') synced.push(path.endsWith('-wal') ? 'metadata' : 'content')
    }
    await put(task, 0)
    expect(synced).toEqual(['content', 'metadata'])
    await fill(task)
    const { length } = synced
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.create(specOf({ id: `${i}`, contentLength: 5 }))),
    )
    const tasks = store.list().slice(1)
    const writers = tasks.map((one) => one.writePiece(0))
    await Promise.all(writers.map((writer) => writer.write(new Uint8Array(5))))
    await Promise.all(writers.map((writer) => writer.commit(factsOf())))
    // The first goes alone, the other seven as one group.
    expect(synced.slice(length).filter((what) => what === 'metadata')).toHaveLength(2)
  })

  test.each(['content', 'wal'])(
    'records nothing for good when syncing the %s fails',
    async (what) => {
      const store = await place.open({ mode: 'durable', disk })
      const task = await store.create(spec)
      disk.fail('sync', 'EIO', what)
      await expect(put(task, 0)).rejects.toEqual(failsWith('DiskFailed'))
      disk.heal()
      if (what === 'content') expect(task.have.count).toBe(0)
      await fill(task)
      expect(isSame(await readAll(task), contentOf(task))).toBe(true)
    },
  )
})

describe('sync points', () => {
  const syncIntervalMs = 1000
  const openWith = async () => {
    const clock = new FakeClock()
    const checkpoint = deferred()
    const crash = (name: CrashPointName): void => {
      if (name === 'sync:checkpoint') checkpoint.resolve()
    }
    const store = await place.open({ disk, clock, syncIntervalMs, crash })
    const synced: string[] = []
    disk.intercept = ({ operation, path }) => {
      if (operation === 'sync') synced.push(path.endsWith('-wal') ? 'metadata' : 'content')
    }
    return { clock, store, synced, checkpoint: checkpoint.promise }
  }

  test('sync what was written since the last, and only that', async () => {
    const { clock, store, synced, checkpoint } = await openWith()
    await filled(store)
    await clock.advance(syncIntervalMs)
    await checkpoint
    await until(() => clock.pending > 0)
    expect(synced).toEqual(['content', 'metadata'])
    await clock.advance(syncIntervalMs)
    await until(() => clock.pending > 0)
    expect(synced).toHaveLength(2)
  })

  test('sync a directory once for all that came to lie in it', async () => {
    const { clock, store, checkpoint } = await openWith()
    for (const id of ['aaa-1', 'aaa-2', 'aaa-3']) await filled(store, specOf({ ...spec, id }))
    let directories = 0
    disk.intercept = ({ operation }) => {
      if (operation === 'syncDirectory') directories += 1
    }
    await clock.advance(syncIntervalMs)
    await checkpoint
    expect(directories).toBe(2)
  })

  test('forget the pieces that the disk did not take', async () => {
    const { clock, store } = await openWith()
    const task = await filled(store)
    let isFailed = false
    disk.intercept = ({ operation, path }) => {
      if (operation !== 'sync' || isFailed || !path.includes('content')) return
      isFailed = true
      throw systemError('EIO')
    }
    await clock.advance(syncIntervalMs)
    await until(() => task.have.count === 0 && !task.isInUse)
    await fill(task)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })
})

describe('a memory store', () => {
  test('refuses what does not fit, and takes it when there is room again', async () => {
    const store = await place.open({ media: { kind: 'memory', maxBytes: 4999 } })
    await filled(store)
    const creating = store.create(other)
    await expect(creating).rejects.toEqual(failsWith('DiskFull'))
    await expect(creating).rejects.toThrow(/needs 2500 bytes, but .* has 2499 of 4999 free/)
    expect(await store.space()).toEqual({ totalBytes: 4999, freeBytes: 2499, usedBytes: 2500 })
    await store.delete(spec.taskId)
    await filled(store, other)
    await expect(fs.stat(place.dir)).rejects.toThrow('ENOENT')
  })

  test('cannot have any amount of memory', async () => {
    for (const maxBytes of [-1, 0.5, Number.NaN]) {
      const opening = place.open({ media: { kind: 'memory', maxBytes } })
      await expect(opening, String(maxBytes)).rejects.toEqual(failsWith('InvalidConfig'))
    }
  })
})

describe('a tiered store', () => {
  const media = { kind: 'tiered', maxBytes: 6000 } as const

  test('writes a complete task to the disk and keeps it in memory until others need the room', async () => {
    const store = await place.open({ media })
    const task = await store.create(spec)
    expect(task.place.kind).toBe('memory')
    await fill(task)
    const content = join(place.dir, 'content', 'tasks')
    await until(() => isKept(task))
    await store.close()
    expect((await fs.readdir(content, { recursive: true })).length).toBe(2)
    const again = await place.open({ media })
    const found = getTask(again)
    expect([found.place.kind, found.isComplete]).toEqual(['file', true])
    expect(isSame(await readAll(found), contentOf(found))).toBe(true)
  })

  test('gives up copies for new tasks and lets go to the disk what does not fit', async () => {
    const store = await place.open({ media })
    const task = await filled(store)
    await until(() => isKept(task))
    expect(task.place.kind).toBe('memory')
    const large = await store.create(specOf({ id: 'large', contentLength: 6000 }))
    expect([large.place.kind, task.place.kind]).toEqual(['memory', 'file'])
    const third = await store.create(other)
    expect(third.place.kind).toBe('file')
    const huge = await store.create(specOf({ id: 'huge', contentLength: 6001 }))
    expect(huge.place.kind).toBe('file')
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('brings what is read often back into memory', async () => {
    const store = await place.open({ media: { kind: 'tiered', maxBytes: 10_000 } })
    const task = await filled(store)
    await until(() => isKept(task))
    await store.delete(
      (await store.create(specOf({ id: 'large', contentLength: 10_000 }))).spec.taskId,
    )
    expect(task.place.kind).toBe('file')
    for (let i = 0; i < 20; i++) task.lease()[Symbol.dispose]()
    await until(() => task.place.kind === 'memory')
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('goes on in memory when the disk is full, and says so only to those who ask for the disk', async () => {
    const store = await place.open({ media, disk })
    disk.fail('open', 'ENOSPC', 'content')
    const task = await filled(store)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
    await expect(store.create(specOf({ id: 'huge', contentLength: 6001 }))).rejects.toEqual(
      failsWith('DiskFull'),
    )
  })
})

describe('a storage plug-in', () => {
  const write = async (text: string): Promise<string> => {
    const path = join(place.outputDir, `${Math.abs(Buffer.from(text).length)}.mjs`)
    await fs.writeFile(path, text)
    return path
  }

  test('keeps its tasks over restarts', async () => {
    const module = new URL('./plug-in-medium.ts', import.meta.url).pathname
    const options = { dir: join(place.outputDir, 'blocks') }
    const store = await place.open({ media: { kind: 'plug-in', module, options } })
    await filled(store)
    await store.close()
    const again = await place.open({ media: { kind: 'plug-in', module, options } })
    expect(isSame(await readAll(getTask(again)), contentOf(getTask(again)))).toBe(true)
    await again.close()
    expect((await place.open()).list()).toEqual([])
  })

  test.each([
    ['', 'it exports no openMedium'],
    ['no module', 'cannot be used'],
    [
      'export const openMedium = () => ({ name: "Tape", create() {} })',
      'attach, sweep, space, close, name, isKept',
    ],
  ])('that is none is refused: %s', async (text, why) => {
    const opening = place.open({ media: { kind: 'plug-in', module: await write(text) } })
    await expect(opening).rejects.toEqual(failsWith('InvalidConfig'))
    await expect(opening).rejects.toThrow(why)
  })

  test('that is not there is refused', async () => {
    const opening = place.open({ media: { kind: 'plug-in', module: join(place.dir, 'none.mjs') } })
    await expect(opening).rejects.toEqual(failsWith('InvalidConfig'))
  })
})
