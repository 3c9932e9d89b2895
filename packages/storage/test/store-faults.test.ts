import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isDfError } from '@damselfly/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  contentBytes,
  contentOf,
  fill,
  isSame,
  put,
  readAll,
  readBytes,
  specOf,
} from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import type { PieceStore, StoredTask, StoreOptions } from '../src/index.ts'
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
const keyFor = (): Uint8Array => new Uint8Array(32).fill(1)

async function checkBytes(store: PieceStore): Promise<void> {
  for (const task of store.list()) {
    for (const { number, offset, length } of task.pieces()) {
      const bytes = await readBytes(task, offset, length)
      expect(isSame(bytes, contentBytes(offset, length)), `piece ${number}`).toBe(true)
    }
  }
}

describe('a disk that fails at any call', () => {
  const options: [string, Partial<StoreOptions>][] = [
    ['fast', {}],
    ['durable', { mode: 'durable' }],
    ['sealed', { keyFor }],
    ['tiered', { media: { kind: 'tiered', maxBytes: 6000 } }],
  ]
  const failures: [string, boolean][] = [
    ['ENOSPC', true],
    ['EIO', false],
    ['EROFS', true],
  ]

  /** Goes on where something failed, as a daemon would. */
  async function live(store: PieceStore, output: string): Promise<unknown[]> {
    const errors: unknown[] = []
    const attempt = async <T>(action: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await action()
      } catch (error) {
        errors.push(error)
        return undefined
      }
    }
    const task = await attempt(() => store.create(spec))
    for (let piece = 0; piece < 3; piece++) if (task) await attempt(() => put(task, piece))
    const overwrite = { overwrite: true, forceHardLink: false }
    if (task) await attempt(() => task.exportTo(output, overwrite))
    const range = { start: 0, length: 1000 }
    if (task) await attempt(() => task.exportTo(`${output}-part`, { ...overwrite, range }))
    if (task) await attempt(() => task.drop(1))
    if (task) await attempt(() => put(task, 1))
    const other = await attempt(() =>
      store.create(specOf({ ...spec, id: 'other', contentLength: 2500, pieceLength: 1000 })),
    )
    if (task && other) await attempt(() => other.adopt(task))
    await attempt(() => store.delete(spec.taskId))
    return errors
  }

  const codes = [
    'DiskFull',
    'DiskFailed',
    'OutputUnwritable',
    'PieceNotFound',
    'TaskNotFound',
    'InvalidArgument',
  ]
  const cases = options.flatMap(([name, option]) =>
    failures.map(([errno, isLasting]) => [name, errno, isLasting, option] as const),
  )
  test.each(cases)('%s, %s (lasting: %s)', async (_name, errno, isLasting, option) => {
    const writes = [
      'open',
      'write',
      'truncate',
      'sync',
      'mkdir',
      'link',
      'rename',
      'remove',
      'syncDirectory',
    ]
    for (let nth = 1; ; nth++) {
      const dir = join(place.outputDir, `store-${nth}`)
      const store = await place.open({ ...option, dir, disk })
      let calls = 0
      disk.intercept = ({ operation, mode }) => {
        if (!writes.includes(operation) || mode === 'r') return
        calls += 1
        if (calls === nth || (isLasting && calls > nth)) throw systemError(errno)
      }
      const errors = await live(store, join(place.outputDir, `out-${nth}`))
      disk.heal()
      for (const error of errors) {
        expect(isDfError(error) && codes.includes(error.code), String(error)).toBe(true)
      }
      await checkBytes(store)
      await store.close()
      const again = await place.open({ ...option, dir })
      await checkBytes(again)
      const task = await again.create(spec)
      await fill(task)
      expect(isSame(await readAll(task), contentOf(task))).toBe(true)
      await again.close()
      if (calls < nth) break
    }
  })
})

describe('content that changes behind our back', () => {
  let store: PieceStore
  let task: StoredTask
  let path: string
  beforeEach(async () => {
    // No file stays open, so that what happens to its name is seen.
    store = await place.open({ maxOpenFiles: 0 })
    task = await store.create(spec)
    await fill(task)
    path = task.place.kind === 'file' ? task.place.path : ''
  })

  test('a file that was cut loses the pieces behind, which can come again', async () => {
    await fs.truncate(path, 1500)
    const reading = readAll(task)
    await expect(reading).rejects.toEqual(failsWith('DiskFailed'))
    await expect(reading).rejects.toThrow('was cut to 1500 bytes')
    expect([...task.have.setBits()]).toEqual([0])
    await fill(task)
    expect(isSame(await readAll(task), contentOf(task))).toBe(true)
  })

  test('a file that is gone ends its task, which can begin anew', async () => {
    await fs.rm(path)
    await expect(readAll(task)).rejects.toEqual(failsWith('DiskFailed'))
    expect([store.get(spec.taskId), store.list()]).toEqual([undefined, []])
    await expect(readAll(task)).rejects.toEqual(failsWith('TaskNotFound'))
    expect(() => task.writePiece(0)).toThrow(failsWith('TaskNotFound'))
    const reborn = await store.create(spec)
    await fill(reborn)
    expect(isSame(await readAll(reborn), contentOf(reborn))).toBe(true)
  })

  test('a file that is gone is noticed by a writer, too', async () => {
    await task.drop(2)
    const writer = task.writePiece(2)
    await fs.rm(path)
    await expect(writer.write(new Uint8Array(500))).rejects.toEqual(failsWith('DiskFailed'))
    expect(store.get(spec.taskId)).toBeUndefined()
  })

  test('every bit of a piece counts', async () => {
    const bytes = await fs.readFile(path)
    for (const at of [0, 1, 499, 999]) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(bytes)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        await fs.writeFile(path, damaged)
        expect(await task.verify(0), `bit ${bit} of byte ${at}`).toBe(false)
      }
    }
    await fs.writeFile(path, bytes)
    expect(await task.verify(0)).toBe(true)
  })
})

describe('metadata with a flipped bit', () => {
  const databaseFile = (): string => join(place.dir, 'metadata', 'tasks.sqlite')

  async function stored(): Promise<void> {
    const store = await place.open()
    const task = await store.create(spec)
    await put(task, 0)
    await put(task, 2)
    task.recordVerified('sha256:x')
    await store.close()
  }

  /** Opens with the change made and says which pieces are there; what is there must be right. */
  async function piecesAfter(sql: string, ...values: (Uint8Array | number)[]): Promise<number[]> {
    const database = new DatabaseSync(databaseFile())
    database.prepare(sql).run(...values)
    database.close()
    const store = await place.open()
    await checkBytes(store)
    const task = store.get(spec.taskId)
    for (const { number } of task?.pieces() ?? []) expect(await task?.verify(number)).toBe(true)
    const pieces = [...(task?.have.setBits() ?? [])]
    await store.close()
    return pieces
  }

  test('in any byte of what is known of pieces: they are forgotten', async () => {
    await stored()
    const database = new DatabaseSync(databaseFile())
    const bytes = database.prepare('SELECT bytes FROM block').get()?.bytes as Uint8Array
    const row = database.prepare('SELECT * FROM block').get() as Record<string, number>
    database.close()
    const restore = 'INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?)'
    const values = [row.id ?? 0, row.epoch ?? 0, row.block_check ?? 0] as const
    for (let at = 0; at < bytes.byteLength; at += 7) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at & 7))
      expect(await piecesAfter(restore, ...values, damaged), `byte ${at}`).toEqual([])
    }
    expect(await piecesAfter(restore, ...values, bytes)).toEqual([0, 2])
    expect(await piecesAfter('UPDATE block SET block_check = block_check + 1')).toEqual([])
    expect(await piecesAfter(restore, ...values, bytes.subarray(0, 5))).toEqual([])
    expect(await piecesAfter(restore, (row.id ?? 0) + 1, 0, row.block_check ?? 0, bytes)).toEqual(
      [],
    )
  })

  test.each([
    'content_length = content_length - 1',
    'piece_length = 999',
    "url = 'http://other.test/'",
    "response_header = '{'",
    'created_at = created_at + 1',
    'sealed = 1',
    'facts_check = facts_check + 1',
    'life = 5',
    "medium = 'tape'",
  ])('in what a task is (%s): the task is dropped', async (change) => {
    await stored()
    expect(await piecesAfter(`UPDATE task SET ${change}`)).toEqual([])
    const store = await place.open()
    expect(store.list()).toEqual([])
    await fill(await store.create(spec))
  })

  test('in what was verified: nothing was', async () => {
    await stored()
    expect(await piecesAfter("UPDATE task SET verified = '[sha256:x'")).toEqual([0, 2])
    expect((await place.open()).get(spec.taskId)?.isVerified('sha256:x')).toBe(false)
  })
})
