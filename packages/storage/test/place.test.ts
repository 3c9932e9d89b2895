import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { contentBytes, isSame } from '../src/conformance/content.ts'
import { failsWith } from '../src/conformance/fails-with.ts'
import {
  type ContentPlace,
  type FinishedPiece,
  openPlace,
  type PieceSeal,
  PlacedPieceReader,
  PlacedPieceWriter,
} from '../src/place.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'damselfly-place-'))
  path = join(dir, 'content')
  fs.writeFileSync(path, '')
})
afterEach(() => fs.rmSync(dir, { recursive: true }))

const mebibyte = 1024 * 1024
const key = new Uint8Array(32).fill(3)
const span = { offset: 2 * mebibyte, length: mebibyte + 8192 + 77 }
const places = (): Record<string, ContentPlace> => ({
  file: { kind: 'file', path },
  'file with direct I/O': { kind: 'file', path, writing: 'direct' },
  'file with direct I/O while the disk keeps up': { kind: 'file', path, writing: 'auto' },
  memory: { kind: 'memory', start: 0, segments: [new SharedArrayBuffer(4 * mebibyte)] },
  'sealed file with direct I/O': {
    kind: 'sealed',
    inner: { kind: 'file', path, writing: 'direct' },
    key,
  },
  'sealed memory': {
    kind: 'sealed',
    inner: { kind: 'memory', start: 0, segments: [new SharedArrayBuffer(4 * mebibyte)] },
    key,
  },
})

describe.each(Object.keys(places()))('%s', (name) => {
  test.each([100_000, 4096, 5 * mebibyte])(
    'takes a piece in chunks of %i bytes',
    async (chunkBytes) => {
      const place = places()[name] as ContentPlace
      const open = openPlace(place)
      const writer = new PlacedPieceWriter(open, span)
      const bytes = contentBytes(span.offset, span.length)
      for (let at = 0; at < span.length; at += chunkBytes)
        writer.write(bytes.subarray(at, at + chunkBytes))
      const { seal } = await writer.finish()
      const buffer = new Uint8Array(span.length)
      expect(new PlacedPieceReader(openPlace(place), span, seal).read(buffer, 0)).toBe(span.length)
      expect(isSame(buffer, bytes)).toBe(true)
      await open.close()
      await open.close()
    },
  )
})

describe('a file', () => {
  test('that was cut is DiskFailed, one that is gone as well', () => {
    const buffer = new Uint8Array(100)
    const reader = new PlacedPieceReader(openPlace({ kind: 'file', path }), {
      offset: 0,
      length: 100,
    })
    expect(() => reader.read(buffer, 0)).toThrow(/100 bytes too early: it was cut/)
    fs.rmSync(path)
    const open = openPlace({ kind: 'file', path })
    expect(() => open.read(buffer, 0)).toThrow(failsWith('DiskFailed'))
    expect(() => open.write(buffer, 0)).toThrow(failsWith('DiskFailed'))
    expect(() => openPlace({ kind: 'file', path, writing: 'direct' }).directWriter?.(span)).toThrow(
      failsWith('DiskFailed'),
    )
  })

  test('on a full disk is DiskFull', () => {
    // The device of Linux that is always full.
    const open = openPlace({ kind: 'file', path: '/dev/full' })
    expect(() => open.write(new Uint8Array(10), 0)).toThrow(failsWith('DiskFull'))
    expect(open.close()).toBeUndefined()
  })

  test('stays open until nothing is written to it any more, also by writers that were given up', async () => {
    const open = openPlace({ kind: 'file', path, writing: 'direct' })
    const first = new PlacedPieceWriter(open, { offset: 0, length: 3 * mebibyte })
    const bytes = contentBytes(0, 2 * mebibyte)
    first.write(bytes)
    const closed = open.close()
    expect(closed).toBeInstanceOf(Promise)
    await closed
    expect(isSame(fs.readFileSync(path), bytes)).toBe(true)
    expect(open.close()).toBeUndefined()
  })

  test('is written the ordinary way when a piece does not begin at a page', async () => {
    const open = openPlace({ kind: 'file', path, writing: 'direct' })
    expect(open.directWriter?.({ offset: 100, length: 4096 })).toBeUndefined()
    const writer = new PlacedPieceWriter(open, { offset: 100, length: 4096 })
    writer.write(contentBytes(100, 4096))
    await writer.finish()
    expect(isSame(fs.readFileSync(path).subarray(100), contentBytes(100, 4096))).toBe(true)
    await open.close()
  })
})

describe('a sealed place', () => {
  test('gives not a byte of a piece that was changed, nor with another key or seal', async () => {
    const place = places()['sealed memory'] as Extract<ContentPlace, { kind: 'sealed' }>
    const open = openPlace(place)
    const writer = new PlacedPieceWriter(open, span)
    writer.write(contentBytes(span.offset, span.length))
    const { seal } = await writer.finish()
    const refused = (from: ContentPlace, given: PieceSeal | undefined): void => {
      const buffer = new Uint8Array(16)
      const reader = new PlacedPieceReader(openPlace(from), span, given)
      expect(() => reader.read(buffer, 0)).toThrow(failsWith('PieceCorrupt'))
      expect(buffer).toEqual(new Uint8Array(16))
    }
    refused({ ...place, key: new Uint8Array(32) }, seal)
    refused(place, undefined)
    if (seal !== undefined) refused(place, { ...seal, nonce: new Uint8Array(12) })
    open.write(Uint8Array.of(0xff), span.offset + span.length - 1)
    refused(place, seal)
  })

  test('needs a key of 32 bytes', () => {
    const inner = places().memory as ContentPlace
    expect(() => openPlace({ kind: 'sealed', inner, key: new Uint8Array(31) })).toThrow(
      failsWith('InvalidConfig'),
    )
  })
})

test('another thread writes what this one reads', async () => {
  const place = places()['sealed memory'] as ContentPlace
  const program = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.module).then(({ openPlace, PlacedPieceWriter }) => {
      const writer = new PlacedPieceWriter(openPlace(workerData.place), { offset: 10, length: 5 })
      writer.write(Uint8Array.of(1, 2, 3, 4, 5))
      return writer.finish()
    }).then((finished) => parentPort.postMessage(finished))`
  const module = new URL('../src/place.ts', import.meta.url).href
  const worker = new Worker(program, { eval: true, workerData: { module, place } })
  const { seal } = await new Promise<FinishedPiece>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const buffer = new Uint8Array(5)
  new PlacedPieceReader(openPlace(place), { offset: 10, length: 5 }, seal).read(buffer, 0)
  expect([...buffer]).toEqual([1, 2, 3, 4, 5])
  await worker.terminate()
})
