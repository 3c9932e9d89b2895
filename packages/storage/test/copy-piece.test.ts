import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentOf, fill, isSame, specOf } from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import type { ExportOptions, StoredTask } from '../src/index.ts'
import { copyPiece, openPlace, type PieceCopy } from '../src/place.ts'
import { makeStoreDir, type StoreDir } from './store-dir.ts'
import { keyFor } from './store-fixture.ts'

const pieceLength = 1_500_000
const spec = specOf({ contentLength: 2 * pieceLength, pieceLength })
const sealedMemory = { keyFor, media: { kind: 'memory', maxBytes: 4 * pieceLength } } as const

let place: StoreDir
let task: StoredTask
let output: string
beforeEach(async () => {
  place = await makeStoreDir()
  const store = await place.open(sealedMemory)
  task = await store.create(spec)
  await fill(task)
  output = join(place.outputDir, 'file')
})
afterEach(() => place[Symbol.asyncDispose]())

const copyOf = (number: number, to: Partial<PieceCopy['to']> = {}): PieceCopy => {
  const record = task.piece(number)
  if (record?.seal === undefined) throw new Error('no sealed piece')
  const { offset, length, seal } = record
  const part = { offset: 7, length: length - 10 }
  return {
    place: task.place,
    span: { offset, length },
    seal,
    part,
    to: { path: output, offset: 100, name: 'the output', ...to },
  }
}

function damage(offset: number): void {
  const open = openPlace(task.place)
  const byte = new Uint8Array(1)
  open.read(byte, offset)
  open.write(Uint8Array.of((byte[0] ?? 0) ^ 1), offset)
}

describe('copying a piece into a file', () => {
  test('puts the plain bytes where they belong', async () => {
    await fs.writeFile(output, '')
    copyPiece(copyOf(1))
    const wanted = contentOf(task).subarray(pieceLength + 7, 2 * pieceLength - 3)
    expect(isSame((await fs.readFile(output)).subarray(100), wanted)).toBe(true)
  })

  test('writes nothing of a sealed piece that was changed', async () => {
    await fs.writeFile(output, '')
    damage(pieceLength + 1)
    expect(() => copyPiece(copyOf(1))).toThrow(failsWith('PieceCorrupt'))
    expect((await fs.stat(output)).size).toBe(0)
  })

  test('says by its own name what is full or gone', () => {
    expect(() => copyPiece(copyOf(0, { path: '/dev/full' }))).toThrow(
      /Writing the output failed: no space is left for the output/,
    )
    expect(() => copyPiece(copyOf(0))).toThrow(failsWith('DiskFailed'))
  })
})

describe('an export by a copier', () => {
  const plain: ExportOptions = { overwrite: false, forceHardLink: false }

  test('leaves nothing when the copier fails', async () => {
    const copier = async (): Promise<void> => {
      throw new Error('no thread')
    }
    await expect(task.exportTo(output, { ...plain, copier })).rejects.toEqual(
      failsWith('DiskFailed'),
    )
    expect(await fs.readdir(place.outputDir)).toEqual([])
  })

  test('leaves nothing when a piece was dropped meanwhile', async () => {
    const exporting = task.exportTo(output, { ...plain, copier: () => task.drop(1) })
    await expect(exporting).rejects.toEqual(failsWith('PieceNotFound'))
    expect(await fs.readdir(place.outputDir)).toEqual([])
  })

  test('may leave parts to the store, which drops what is bad', async () => {
    const range = { start: 10, length: pieceLength }
    await task.exportTo(output, {
      ...plain,
      range,
      copier: ({ copyHere }) => copyHere({ start: 20, length: 30 }),
    })
    const wanted = new Uint8Array(40)
    wanted.set(contentOf(task).subarray(20, 50), 10)
    expect(new Uint8Array(await fs.readFile(output))).toEqual(wanted)
  })
})
