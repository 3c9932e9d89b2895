import { describe, expect, test } from 'vitest'
import { openPlace, PlacedPieceReader, PlacedPieceWriter } from '../place.ts'
import type { PieceStore, StoredTask } from '../store.ts'
import { contentBytes, contentOf, factsOf, fill, isSame, put, readAll, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

/** Not a whole number of pages, so that direct writes have a rest. */
const pieceLength = 3 * 4096
const contentLength = 5 * pieceLength + 4096 + 17

/** What a worker thread does with a piece that was reserved for it. */
export async function putPlaced(task: StoredTask, number: number, chunkBytes = 5000) {
  const reservation = task.reserve(number)
  const { offset, length } = reservation
  const open = openPlace(structuredClone(reservation.place))
  try {
    const writer = new PlacedPieceWriter(open, { offset, length })
    const bytes = contentBytes(offset, length)
    for (let at = 0; at < length; at += chunkBytes) writer.write(bytes.slice(at, at + chunkBytes))
    return await reservation.commit({ ...factsOf(), ...(await writer.finish()) })
  } finally {
    await open.close()
    reservation.abort()
  }
}

export function placedTests(store: () => PieceStore): void {
  const create = async (): Promise<StoredTask> => {
    const task = await store().create(specOf({ contentLength, pieceLength }))
    return task
  }

  describe('pieces that a worker thread writes and reads', () => {
    test('are like all others', async () => {
      const task = await create()
      for (const number of [5, 0, 3]) await putPlaced(task, number)
      const record = await putPlaced(task, 1, 1_000_000)
      await put(task, 2)
      await put(task, 4)
      expect(task.piece(1)).toEqual(record)
      expect(task.isComplete).toBe(true)
      expect(isSame(await readAll(task), contentOf(task))).toBe(true)
      for (const { number } of task.pieces()) expect(await task.verify(number)).toBe(true)
    })

    test('can be read in any parts', async () => {
      const task = await create()
      await fill(task)
      const open = openPlace(structuredClone(task.place))
      for (const { offset, length, seal } of task.pieces()) {
        const reader = new PlacedPieceReader(open, { offset, length }, seal)
        const [whole, part] = [new Uint8Array(length + 10), new Uint8Array(100)]
        expect(reader.read(part, 50)).toBe(100)
        expect(isSame(part, contentBytes(offset + 50, 100))).toBe(true)
        expect(reader.read(whole, 0)).toBe(length)
        expect(isSame(whole.subarray(0, length), contentBytes(offset, length))).toBe(true)
        expect(reader.read(part, length)).toBe(0)
        expect(() => reader.read(part, length + 1)).toThrow(failsWith('InvalidArgument'))
      }
      await open.close()
    })

    test('count only when they are committed', async () => {
      const task = await create()
      const reservation = task.reserve(2)
      expect(task.isInUse).toBe(true)
      expect(() => task.reserve(2)).toThrow(failsWith('InvalidArgument'))
      expect(() => task.writePiece(2)).toThrow(failsWith('InvalidArgument'))
      reservation.abort()
      reservation.abort()
      expect([task.have.count, task.isInUse]).toEqual([0, false])
      const committing = reservation.commit({ ...factsOf(), ...(await digestsOf(task, 2)) })
      await expect(committing).rejects.toEqual(failsWith('Internal'))
      await putPlaced(task, 2)
      expect([...task.have.setBits()]).toEqual([2])
      expect(() => task.reserve(2)).toThrow(failsWith('InvalidArgument'))
    })

    test('are refused when they are not what was expected', async () => {
      const task = await create()
      const wrong = { ...factsOf({ expected: { crc32: 1 } }), ...(await digestsOf(task, 0)) }
      await expect(task.reserve(0).commit(wrong)).rejects.toEqual(failsWith('PieceCorrupt'))
      expect(task.have.count).toBe(0)
      await putPlaced(task, 0)
    })

    test('that are too long or too short are the sender’s fault', async () => {
      const task = await create()
      const { offset, length, place } = task.reserve(5)
      const open = openPlace(place)
      const writer = new PlacedPieceWriter(open, { offset, length })
      writer.write(new Uint8Array(length - 1))
      expect(writer.written).toBe(length - 1)
      await expect(writer.finish()).rejects.toEqual(failsWith('PeerProtocol'))
      expect(() => writer.write(new Uint8Array(2))).toThrow(failsWith('PeerProtocol'))
      await open.close()
    })
  })
}

/** For stores whose bytes no other thread can reach. */
export function unplacedTests(store: () => PieceStore): void {
  test('a worker thread cannot reach the bytes', async () => {
    const task = await store().create(specOf({ contentLength, pieceLength }))
    expect(() => openPlace(task.place)).toThrow(failsWith('InvalidArgument'))
  })
}

/** As if a worker had written the piece. */
async function digestsOf(task: StoredTask, number: number) {
  const open = openPlace({
    kind: 'memory',
    start: 0,
    segments: [new SharedArrayBuffer(pieceLength)],
  })
  const { length } = specSpan(task, number)
  const writer = new PlacedPieceWriter(open, { offset: 0, length })
  writer.write(contentBytes(number * pieceLength, length))
  const seal = { nonce: new Uint8Array(12), tag: new Uint8Array(16) }
  return { ...(await writer.finish()), seal }
}

const specSpan = ({ spec }: StoredTask, number: number) => ({
  length: Math.min(spec.pieceLength, spec.contentLength - number * spec.pieceLength),
})
