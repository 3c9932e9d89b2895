import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { asTaskId, type Log, silentLog } from '@damselfly/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentOf, fill, put, readAll, specOf } from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
beforeEach(async () => {
  place = await makeStoreDir()
})
afterEach(() => place[Symbol.asyncDispose]())

const spec = specOf({ contentLength: 250, pieceLength: 100 })
const contentFile = (): string => join(place.dir, 'content', 'tasks', 'aaa', `${spec.taskId}@1`)
const databaseFile = (): string => join(place.dir, 'metadata', 'tasks.sqlite')

/** A log that remembers its warnings. */
function warnings(): { log: Log; messages: unknown[] } {
  const messages: unknown[] = []
  const warn = (_facts: unknown, message: unknown): void => {
    messages.push(message)
  }
  return { log: { ...silentLog, warn, child: () => silentLog } as unknown as Log, messages }
}

describe('what is on the disk', () => {
  test.each([true, false])('content is a file of full length (sparse: %s)', async (isPartial) => {
    const store = await place.open()
    const task = await store.create({ ...spec, contentLength: 50 * 1024 * 1024 }, { isPartial })
    expect(task.place).toEqual({ kind: 'file', path: contentFile() })
    const { size, blocks } = await fs.stat(contentFile())
    expect(size).toBe(50 * 1024 * 1024)
    if (isPartial) expect(blocks * 512).toBeLessThan(1024 * 1024)
    else expect(blocks * 512).toBeGreaterThanOrEqual(size)
  })

  test('an id that could name another file is refused', async () => {
    const store = await place.open()
    for (const id of ['..', '../../etc/passwd', 'a/b', '.hidden', 'a\0b', 'ä', 'x'.repeat(256)]) {
      const creating = store.create({ ...spec, taskId: asTaskId(id) })
      await expect(creating, id).rejects.toEqual(failsWith('InvalidArgument'))
    }
    expect(await fs.readdir(join(place.dir, 'content', 'tasks'))).toEqual([])
    const short = await store.create({ ...spec, taskId: asTaskId('a') })
    await fill(short)
    expect(await readAll(short)).toEqual(contentOf(short))
  })

  test('a deleted task leaves no file', async () => {
    const store = await place.open()
    const task = await store.create(spec)
    using _lease = task.lease()
    await store.delete(spec.taskId)
    await expect(fs.stat(contentFile())).rejects.toThrow('ENOENT')
  })
})

describe('opening again', () => {
  test('everything committed is there', async () => {
    const store = await place.open()
    const before = await store.create(spec)
    await put(before, 0, { parentId: '', trafficType: 'back-to-source', costMs: 12.4 })
    await put(before, 2, { parentId: 'peer-a', trafficType: 'local-peer' })
    await put(await store.create(specOf({ id: 'other', contentLength: 5 })), 0)
    await store.close()

    const after = (await place.open()).get(spec.taskId)
    expect(after?.spec).toEqual(spec)
    expect(after?.pieces()).toEqual(before.pieces())
    expect(after).toMatchObject({ createdAt: before.createdAt, updatedAt: before.updatedAt })
    if (after === undefined) throw new Error('the task is gone')
    await put(after, 1, { parentId: 'peer-b' })
    expect(after.pieces().map((piece) => piece.parentId)).toEqual(['', 'peer-b', 'peer-a'])
    expect(await readAll(after)).toEqual(contentOf(after))
  })

  test('the last use is remembered', async () => {
    const now = { value: 1_000_000 }
    const clock = { now: () => now.value, monotonic: () => now.value, schedule: () => () => {} }
    const store = await place.open({ clock })
    const task = await store.create(spec)
    now.value += 5
    task.lease()[Symbol.dispose]()
    expect(task).toMatchObject({ createdAt: 1_000_000, updatedAt: 1_000_005 })
    await store.close()
    const again = await place.open({ clock })
    expect(again.get(spec.taskId)).toMatchObject({ createdAt: 1_000_000, updatedAt: 1_000_005 })
  })

  test('a deleted task stays deleted', async () => {
    const store = await place.open()
    await fill(await store.create(spec))
    await store.delete(spec.taskId)
    await store.close()
    const again = await place.open()
    expect(again.list()).toEqual([])
    expect((await again.create(spec)).have.count).toBe(0)
  })

  test('with keep=false the store begins empty', async () => {
    const store = await place.open()
    await fill(await store.create(spec))
    await store.close()
    const again = await place.open({ keep: false })
    expect(again.list()).toEqual([])
    await expect(fs.stat(contentFile())).rejects.toThrow('ENOENT')
  })

  test('a task whose content is missing or too short is dropped with a warning', async () => {
    const short = specOf({ id: 'short', contentLength: 250, pieceLength: 100 })
    const store = await place.open()
    for (const each of [spec, short]) await fill(await store.create(each))
    await fill(await store.create(specOf({ id: 'whole' })))
    await store.close()
    await fs.rm(contentFile())
    await fs.truncate(join(place.dir, 'content', 'tasks', 'sho', 'short@2'), 249)

    const { log, messages } = warnings()
    const again = await place.open({ log })
    expect(again.list().map((task) => task.spec.taskId)).toEqual(['whole'])
    expect(messages.filter((m) => m === 'task dropped')).toHaveLength(2)
    expect((await again.create(short)).have.count).toBe(0)
  })

  test('content that no task owns is removed', async () => {
    const store = await place.open()
    await store.create(spec)
    await store.close()
    const tasks = join(place.dir, 'content', 'tasks')
    await fs.mkdir(join(tasks, 'bbb'))
    await fs.writeFile(join(tasks, 'bbb', 'bbborphan'), 'x')
    await fs.writeFile(join(tasks, 'bbb', spec.taskId), 'misplaced')
    await fs.writeFile(join(tasks, 'stray'), 'x')
    await place.open()
    expect((await fs.readdir(tasks, { recursive: true })).sort()).toEqual([
      'aaa',
      join('aaa', `${spec.taskId}@1`),
      'bbb',
    ])
  })

  test('a content file left by a crash gives way to its task', async () => {
    const store = await place.open()
    await fs.mkdir(join(contentFile(), '..'), { recursive: true })
    await fs.writeFile(contentFile(), 'left over')
    const task = await store.create(spec)
    await fill(task)
    expect(await readAll(task)).toEqual(contentOf(task))
  })

  test('metadata of another version is left alone and named in the error', async () => {
    await (await place.open()).close()
    const database = new DatabaseSync(databaseFile())
    database.exec('PRAGMA user_version = 99')
    database.close()
    const opening = place.open()
    await expect(opening).rejects.toEqual(failsWith('InvalidConfig'))
    await expect(opening).rejects.toThrow(/tasks\.sqlite has schema version 99/)
    await (await place.open({ keep: false })).close()
    await place.open()
  })

  test("somebody else's database is left alone", async () => {
    await (await place.open()).close()
    await fs.rm(databaseFile())
    const database = new DatabaseSync(databaseFile())
    database.exec('CREATE TABLE precious (x)')
    database.close()
    await expect(place.open()).rejects.toEqual(failsWith('InvalidConfig'))
  })

  test('metadata that is no database is a failure that says what to do', async () => {
    await (await place.open()).close()
    await fs.writeFile(databaseFile(), 'not a database, '.repeat(100))
    const opening = place.open()
    await expect(opening).rejects.toEqual(failsWith('DiskFailed'))
    await expect(opening).rejects.toThrow(/tasks\.sqlite is damaged .* delete the file/)
  })
})

describe('the lock', () => {
  test('a second opening in the same process is refused and names the directory', async () => {
    const store = await place.open()
    const opening = place.open()
    await expect(opening).rejects.toEqual(failsWith('AlreadyRunning'))
    await expect(opening).rejects.toThrow(place.dir)
    await store.close()
    await place.open()
  })

  test('a second process is refused, and does not wipe what the first has', async () => {
    const store = await place.open()
    const task = await store.create(spec)
    await fill(task)
    const program = new URL('./crash-writer.ts', import.meta.url).pathname
    const { stderr, status } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', program, place.dir, '{"keep":false}'],
      { encoding: 'utf8' },
    )
    expect(status).toBe(1)
    expect(stderr).toContain(`The directory ${place.dir} is in use by another process`)
    expect(await readAll(task)).toEqual(contentOf(task))
  })

  test('a failed opening lets go of the directory', async () => {
    await (await place.open()).close()
    await fs.writeFile(databaseFile(), 'not a database, '.repeat(100))
    await expect(place.open()).rejects.toEqual(failsWith('DiskFailed'))
    await place.open({ keep: false })
  })

  test('a directory that cannot be created is a failure with its path', async () => {
    await fs.writeFile(join(place.outputDir, 'file'), '')
    const dir = join(place.outputDir, 'file', 'store')
    const opening = place.open({ dir })
    await expect(opening).rejects.toEqual(failsWith('DiskFailed'))
    await expect(opening).rejects.toThrow(dir)
  })
})
