import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ExportOptions, PieceStore, StoredTask } from '../store.ts'
import { contentOf, fill, put, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

const plain: ExportOptions = { overwrite: false, forceHardLink: false }

type Output = (name: string) => string

const create = async (store: PieceStore, contentLength = 250): Promise<StoredTask> => {
  const task = await store.create(specOf({ contentLength, pieceLength: 100 }))
  await fill(task)
  return task
}

const leftovers = async (output: Output): Promise<string[]> =>
  (await fs.readdir(output('.'))).filter((name) => name.endsWith('.part'))

const contentAt = async (path: string): Promise<Uint8Array> =>
  new Uint8Array(await fs.readFile(path))

export function exportTests(store: () => PieceStore, output: Output): void {
  describe('exporting', () => {
    test('the output holds the content', async () => {
      const task = await create(store())
      await task.exportTo(output('a'), plain)
      expect(await contentAt(output('a'))).toEqual(contentOf(task))
      expect(await leftovers(output)).toEqual([])
    })

    test('a range is exported alone', async () => {
      const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      await put(task, 1)
      const range = { start: 120, length: 70 }
      expect(await task.exportTo(output('a'), { ...plain, range })).toBe('copy')
      expect(await contentAt(output('a'))).toEqual(contentOf(task).subarray(120, 190))
      await task.exportTo(output('empty'), { ...plain, range: { start: 0, length: 0 } })
      expect(await contentAt(output('empty'))).toEqual(new Uint8Array(0))
    })

    test('a range outside the content is refused', async () => {
      const task = await create(store())
      for (const [start, length] of [
        [200, 51],
        [-1, 5],
        [0, Number.NaN],
        [0.5, 0.5],
      ] as const) {
        const exporting = task.exportTo(output('a'), { ...plain, range: { start, length } })
        await expect(exporting, `${start}+${length}`).rejects.toEqual(failsWith('InvalidArgument'))
      }
    })

    test('content with missing pieces is not exported', async () => {
      const task = await store().create(specOf({ contentLength: 250, pieceLength: 100 }))
      await put(task, 0)
      const range = { start: 50, length: 60 }
      for (const options of [plain, { ...plain, range }]) {
        const exporting = task.exportTo(output('a'), options)
        await expect(exporting).rejects.toEqual(failsWith('PieceNotFound'))
      }
      expect(await fs.readdir(output('.'))).toEqual([])
    })

    test('a file of no bytes is exported', async () => {
      const task = await create(store(), 0)
      await task.exportTo(output('a'), plain)
      expect(await contentAt(output('a'))).toEqual(new Uint8Array(0))
    })
  })
}

export function outputTests(store: () => PieceStore, output: Output): void {
  describe('the output of an export', () => {
    test('an output that exists stays unless it may be overwritten', async () => {
      const task = await create(store())
      await fs.writeFile(output('a'), 'mine')
      await expect(task.exportTo(output('a'), plain)).rejects.toEqual(failsWith('OutputExists'))
      expect(await fs.readFile(output('a'), 'utf8')).toBe('mine')
      await task.exportTo(output('a'), { ...plain, overwrite: true })
      expect(await contentAt(output('a'))).toEqual(contentOf(task))
      expect(await leftovers(output)).toEqual([])
    })

    test('exporting over an earlier export of the same task works and leaves nothing else', async () => {
      const task = await create(store())
      await task.exportTo(output('a'), plain)
      await task.exportTo(output('a'), { ...plain, overwrite: true })
      expect(await contentAt(output('a'))).toEqual(contentOf(task))
      expect(await fs.readdir(output('.'))).toEqual(['a'])
    })

    test('a directory is never replaced', async () => {
      const task = await create(store())
      await fs.mkdir(output('dir'))
      for (const overwrite of [false, true]) {
        const exporting = task.exportTo(output('dir'), { ...plain, overwrite })
        await expect(exporting).rejects.toEqual(failsWith('OutputExists'))
        await expect(exporting).rejects.toThrow('is a directory')
      }
    })

    test('an output in a missing directory, or below a file, cannot be written', async () => {
      const task = await create(store())
      await fs.writeFile(output('file'), '')
      for (const name of [join('none', 'a'), join('file', 'a'), 'x'.repeat(300)]) {
        const exporting = task.exportTo(output(name), plain)
        await expect(exporting, name).rejects.toEqual(failsWith('OutputUnwritable'))
      }
    })

    test('an aborted export rejects with the reason of the signal', async () => {
      const task = await create(store())
      const reason = new Error('enough')
      const exporting = task.exportTo(output('a'), { ...plain, signal: AbortSignal.abort(reason) })
      await expect(exporting).rejects.toBe(reason)
      expect(await fs.readdir(output('.'))).toEqual([])
    })

    test('of two exports to one output without overwriting, one wins', async () => {
      const task = await create(store())
      const outcomes = await Promise.allSettled(
        [0, 1, 2].map(() => task.exportTo(output('a'), plain)),
      )
      expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
      expect(await contentAt(output('a'))).toEqual(contentOf(task))
      expect(await leftovers(output)).toEqual([])
    })
  })
}
