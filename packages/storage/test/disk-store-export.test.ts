import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import type { ErrorCode } from '@damselfly/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentOf, fill, isSame, specOf } from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import type { ExportOptions, PieceStore, StoredTask } from '../src/index.ts'
import { FaultyDisk, systemError } from './faulty-disk.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'

let place: StoreDir
let disk: FaultyDisk
let store: PieceStore
let task: StoredTask
let output: string
beforeEach(async () => {
  place = await makeStoreDir()
  disk = new FaultyDisk()
  store = await place.open({ disk })
  task = await store.create(specOf({ contentLength: 2_500_000, pieceLength: 1_000_000 }))
  await fill(task)
  output = join(place.outputDir, 'file')
})
afterEach(async () => {
  disk.heal()
  await place[Symbol.asyncDispose]()
})

const plain: ExportOptions = { overwrite: false, forceHardLink: false }
const range = { start: 1, length: 2_400_000 }
const contentFile = (): string =>
  join(place.dir, 'content', 'tasks', 'aaa', `${task.spec.taskId}@1`)

describe('an export that can link', () => {
  test.each([false, true])(
    'shares the file, which becomes read-only (overwrite: %s)',
    async (overwrite) => {
      expect(await task.exportTo(output, { ...plain, overwrite, forceHardLink: true })).toBe('link')
      const [content, exported] = [await fs.stat(contentFile()), await fs.stat(output)]
      expect(exported.ino).toBe(content.ino)
      expect(exported.mode & 0o222).toBe(0)
    },
  )

  test('of a complete task works after the store is opened again', async () => {
    await task.exportTo(output, plain)
    await store.close()
    const again = (await place.open()).get(task.spec.taskId)
    const buffer = new Uint8Array(task.spec.contentLength)
    expect(await again?.read(buffer, 0)).toBe(buffer.byteLength)
    expect(isSame(buffer, contentOf(task))).toBe(true)
  })

  test('leaves the output alone when the task is deleted', async () => {
    await task.exportTo(output, plain)
    await store.delete(task.spec.taskId)
    expect(isSame(await fs.readFile(output), contentOf(task))).toBe(true)
  })
})

describe('an export that cannot link', () => {
  test.each(['EXDEV', 'EMLINK', 'EPERM'])(
    'copies after %s, writable for its owner',
    async (errno) => {
      await task.exportTo(join(place.outputDir, 'linked'), plain)
      for (const overwrite of [false, true]) {
        disk.fail('link', errno)
        expect(await task.exportTo(output, { ...plain, overwrite })).toBe('copy')
        expect(isSame(await fs.readFile(output), contentOf(task))).toBe(true)
        expect((await fs.stat(output)).mode & 0o200).toBe(0o200)
      }
      expect(await fs.readdir(place.outputDir)).toEqual(['file', 'linked'])
    },
  )

  test('never copies when only a hard link will do', async () => {
    disk.fail('link', 'EXDEV')
    for (const overwrite of [false, true]) {
      const exporting = task.exportTo(output, { overwrite, forceHardLink: true })
      await expect(exporting).rejects.toEqual(failsWith('OutputUnwritable'))
      await expect(exporting).rejects.toThrow(/cannot be a hard link .*EXDEV/)
    }
    const ofRange = task.exportTo(output, { ...plain, forceHardLink: true, range })
    await expect(ofRange).rejects.toEqual(failsWith('InvalidArgument'))
    expect(await fs.readdir(place.outputDir)).toEqual([])
  })

  test('does not replace an output that appears while it copies', async () => {
    disk.intercept = async ({ operation, path }) => {
      if (operation === 'link') throw systemError('EXDEV')
      if (operation === 'close' && path.endsWith('.part')) await fs.writeFile(output, 'mine')
    }
    await expect(task.exportTo(output, plain)).rejects.toEqual(failsWith('OutputExists'))
    expect(await fs.readFile(output, 'utf8')).toBe('mine')
    expect(await fs.readdir(place.outputDir)).toEqual(['file'])
  })
})

describe('an export that fails', () => {
  const faults: [string, ErrorCode][] = [
    ['ENOSPC', 'DiskFull'],
    ['EIO', 'DiskFailed'],
    ['EACCES', 'OutputUnwritable'],
    ['EROFS', 'OutputUnwritable'],
    ['EPERM', 'OutputUnwritable'],
  ]
  test.each(faults)(
    'with %s at any step is %s and leaves no temporary file',
    async (errno, code) => {
      for (const operation of ['open', 'write', 'rename'] as const) {
        disk.fail(operation, errno, '.part')
        if (operation === 'rename') disk.fail(operation, errno)
        const exporting = task.exportTo(output, { overwrite: true, forceHardLink: false, range })
        await expect(exporting, operation).rejects.toEqual(failsWith(code))
        await expect(exporting, operation).rejects.toThrow(output)
        expect(await fs.readdir(place.outputDir), operation).toEqual([])
      }
    },
  )

  test('while renaming a link leaves no temporary file', async () => {
    await fs.writeFile(output, 'mine')
    disk.fail('rename', 'EIO')
    const exporting = task.exportTo(output, { ...plain, overwrite: true })
    await expect(exporting).rejects.toEqual(failsWith('DiskFailed'))
    expect(await fs.readdir(place.outputDir)).toEqual(['file'])
    expect(await fs.readFile(output, 'utf8')).toBe('mine')
  })

  test('because it is aborted leaves no temporary file and gives the reason', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    disk.intercept = ({ operation, path }) => {
      if (operation === 'write' && path.endsWith('.part')) controller.abort(reason)
    }
    const exporting = task.exportTo(output, { ...plain, range, signal: controller.signal })
    await expect(exporting).rejects.toBe(reason)
    expect(await fs.readdir(place.outputDir)).toEqual([])
  })
})

describe('an export whose task is deleted meanwhile', () => {
  test('finishes as a copy', async () => {
    disk.intercept = async ({ operation }) => {
      if (operation !== 'link') return
      disk.heal()
      await store.delete(task.spec.taskId)
    }
    expect(await task.exportTo(output, plain)).toBe('copy')
    expect(isSame(await fs.readFile(output), contentOf(task))).toBe(true)
  })
})
