import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asTaskId, DfError, silentLog, systemClock, systemDisk } from '@damselfly/core'
import { openStore, type PieceStore, type StoredTask } from '@damselfly/storage'
import { copyPiece, openPlace, type PieceCopy } from '@damselfly/storage/place'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type CopyOnThread, threadedCopier } from '../src/data/threaded-copier.ts'

const pieceLength = 100_000
const pieceCount = 5
const content = Uint8Array.from(
  { length: pieceLength * pieceCount - 1 },
  (_, i) => i * 31 + i / 251,
)

let dir: string
let store: PieceStore
let stored: StoredTask
let output: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'damselfly-copier-'))
  output = join(dir, 'out')
  store = await openStore({
    dir: join(dir, 'store'),
    keep: true,
    clock: systemClock,
    disk: systemDisk,
    log: silentLog,
    keyFor: () => new Uint8Array(32),
    media: { kind: 'memory', maxBytes: 10 * content.length },
  })
  stored = await store.create({
    taskId: asTaskId('task'),
    url: 'http://origin/',
    tag: '',
    application: '',
    contentLength: content.length,
    pieceLength,
    responseHeader: {},
  })
  for (let number = 0; number < pieceCount; number++) {
    const writer = stored.writePiece(number)
    await writer.write(content.subarray(number * pieceLength, (number + 1) * pieceLength))
    await writer.commit({ parentId: '', trafficType: 'remote-peer', costMs: 1 })
  }
})
afterEach(async () => {
  await store.close()
  await rm(dir, { recursive: true })
})

/** What a thread does, on this one. */
const onThread: CopyOnThread = async (piece) => copyPiece(piece)

const exportBy = (copy: CopyOnThread, more: { signal?: AbortSignal } = {}) =>
  stored.exportTo(output, {
    overwrite: false,
    forceHardLink: false,
    copier: threadedCopier(stored, copy),
    ...more,
  })

const numberOf = ({ span }: PieceCopy): number => span.offset / pieceLength

it('copies a range whose ends lie within pieces, two pieces at a time', async () => {
  const range = { start: pieceLength - 3, length: 3 * pieceLength }
  let [running, most] = [0, 0]
  const copy = async (piece: PieceCopy): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await onThread(piece)
    running -= 1
  }
  const copier = threadedCopier(stored, copy)
  await stored.exportTo(output, { overwrite: false, forceHardLink: false, range, copier })
  const wanted = content.subarray(range.start, range.start + range.length)
  expect(Buffer.compare(await readFile(output), wanted)).toBe(0)
  expect(most).toBe(2)
})

it('leaves it to the store when a thread finds nothing at the place of a piece', async () => {
  await exportBy(async (piece) => {
    if (numberOf(piece) === 2) throw new DfError('DiskFailed', 'The content was cut.')
    await onThread(piece)
  })
  expect(Buffer.compare(await readFile(output), content)).toBe(0)
})

it('drops a sealed piece that was changed, says which, and leaves no output', async () => {
  const open = openPlace(stored.place)
  open.write(new Uint8Array(16), 3 * pieceLength)
  const exporting = exportBy(onThread)
  await expect(exporting).rejects.toMatchObject({ code: 'PieceCorrupt', details: { number: 3 } })
  expect([...stored.have.unsetBits()]).toEqual([3])
  expect(await readdir(dir)).not.toContain('out')
  expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([])
})

it('fails as the thread did when the disk is full', async () => {
  const full = new DfError('DiskFull', 'No space is left.')
  await expect(exportBy(() => Promise.reject(full))).rejects.toBe(full)
})

it('stops between pieces when it is aborted, after those under way', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  let copies = 0
  const exporting = exportBy(
    async (piece) => {
      copies += 1
      controller.abort(reason)
      await onThread(piece)
    },
    { signal: controller.signal },
  )
  await expect(exporting).rejects.toBe(reason)
  expect(copies).toBe(1)
  expect(await readdir(dir)).toEqual([])
})

it('goes on when the task is deleted meanwhile', async () => {
  let deleting: Promise<void> | undefined
  await exportBy(async (piece) => {
    deleting ??= store.delete(stored.spec.taskId)
    await onThread(piece)
  })
  await deleting
  expect(Buffer.compare(await readFile(output), content)).toBe(0)
})
