import { formatCrc32, randomInt, seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import type { PieceStore, StoredTask } from '../store.ts'
import { blake3Of, contentOf, factsOf, fill, put, readAll, readBytes, specOf } from './content.ts'
import { failsWith } from './fails-with.ts'

const create = (store: PieceStore): Promise<StoredTask> =>
  store.create(specOf({ contentLength: 250, pieceLength: 100 }))

export function writeTests(store: () => PieceStore): void {
  describe('writing a piece', () => {
    test('commit records the facts, and only the last piece completes the task', async () => {
      const task = await create(store())
      const record = await put(task, 2, { parentId: 'peer-a', costMs: 17 })
      expect(record).toMatchObject({ number: 2, offset: 200, length: 50, costMs: 17 })
      expect(record).toMatchObject({ parentId: 'peer-a', trafficType: 'remote-peer' })
      expect(record.createdAt).toBeGreaterThan(0)
      expect(task.piece(2)).toEqual(record)
      await put(task, 0, { parentId: '', trafficType: 'back-to-source' })
      expect(task.isComplete).toBe(false)
      await put(task, 1, { parentId: 'peer-a' })
      expect(task.isComplete).toBe(true)
      expect(task.pieces().map((piece) => [piece.number, piece.parentId])).toEqual([
        [0, ''],
        [1, 'peer-a'],
        [2, 'peer-a'],
      ])
    })

    test('the digest is computed when none is expected', async () => {
      // CRC-32 of "test content", interop.md 5.4.
      const bytes = new TextEncoder().encode('test content')
      const task = await store().create(specOf({ contentLength: bytes.byteLength }))
      const writer = task.writePiece(0)
      await writer.write(bytes)
      expect((await writer.commit(factsOf())).digest).toBe(formatCrc32(1475635037))
    })

    test('the digests are there once all bytes are', async () => {
      const task = await store().create(specOf({ contentLength: 2 }))
      const writer = task.writePiece(0)
      await writer.write(new TextEncoder().encode('4'))
      expect(() => writer.digests).toThrow(failsWith('PeerProtocol'))
      await writer.write(new TextEncoder().encode('2'))
      const { digests } = writer
      expect(digests).toEqual({ crc32: 841265288, blake3: blake3Of(Buffer.from('42')) })
      const record = await writer.commit(factsOf({ expected: digests }))
      expect(record).toMatchObject({ digest: 'crc32:841265288', blake3: digests.blake3 })
    })

    test('abort after commit changes nothing', async () => {
      const task = await create(store())
      const writer = task.writePiece(0)
      await writer.write(contentOf(task).subarray(0, 100))
      await writer.commit(factsOf())
      writer.abort()
      expect(task.have.get(0)).toBe(true)
    })

    test('a chunk may be reused once its write has resolved', async () => {
      const task = await create(store())
      const writer = task.writePiece(0)
      const chunk = new Uint8Array(10)
      for (let i = 0; i < 10; i++) await writer.write(chunk.fill(i))
      await writer.commit(factsOf())
      const read = await readBytes(task, 0, 100)
      expect([...read]).toEqual(Array.from({ length: 100 }, (_, i) => Math.floor(i / 10)))
    })

    test('any order of pieces and any size of chunks gives the content', async () => {
      const random = seededRandom(7)
      for (let round = 0; round < 20; round++) {
        const contentLength = randomInt(random, 3000)
        const pieceLength = 1 + randomInt(random, 700)
        const spec = specOf({ id: `round-${round}`, contentLength, pieceLength })
        const task = await store().create(spec)
        await fill(task, random)
        const what = `round ${round}: ${contentLength} bytes in pieces of ${pieceLength}`
        expect(task.isComplete, what).toBe(true)
        expect(await readAll(task), what).toEqual(contentOf(task))
      }
    })
  })
}

export function refusalTests(store: () => PieceStore): void {
  describe('a piece that does not come as agreed', () => {
    test('other bytes than expected are corrupt and not recorded; the piece can be sent again', async () => {
      const task = await create(store())
      const writer = task.writePiece(1)
      await writer.write(new Uint8Array(100))
      const commit = writer.commit(factsOf({ expected: { crc32: 1 } }))
      await expect(commit).rejects.toThrow(/piece 1 .*expected crc32:1, received crc32:\d+/)
      await expect(commit).rejects.toEqual(failsWith('PieceCorrupt'))
      const next = task.writePiece(1)
      await next.write(new Uint8Array(100))
      const blake3 = new Uint8Array(32)
      const again = next.commit(factsOf({ expected: { blake3 } }))
      await expect(again).rejects.toThrow(/expected blake3:0{64}, received blake3:[0-9a-f]{64}/)
      await expect(again).rejects.toEqual(failsWith('PieceCorrupt'))
      expect(task.have.count).toBe(0)
      await put(task, 1)
      expect(await readBytes(task, 100, 100)).toEqual(contentOf(task).subarray(100, 200))
    })

    test('too many bytes are refused at once', async () => {
      const task = await create(store())
      const writer = task.writePiece(2)
      await writer.write(new Uint8Array(50))
      await expect(writer.write(new Uint8Array(1))).rejects.toEqual(failsWith('PeerProtocol'))
      await expect(writer.commit(factsOf())).rejects.toEqual(failsWith('PeerProtocol'))
      expect(task.have.count).toBe(0)
    })

    test('too few bytes cannot be committed', async () => {
      const task = await create(store())
      const writer = task.writePiece(0)
      await writer.write(new Uint8Array(99))
      expect(writer.written).toBe(99)
      await expect(writer.commit(factsOf())).rejects.toEqual(failsWith('PeerProtocol'))
      expect(task.have.count).toBe(0)
    })

    test('an aborted piece is not there and can be received again', async () => {
      const task = await create(store())
      const writer = task.writePiece(0)
      await writer.write(new Uint8Array(60))
      writer.abort()
      writer.abort()
      await expect(writer.write(new Uint8Array(1))).rejects.toEqual(failsWith('Internal'))
      await expect(writer.commit(factsOf())).rejects.toEqual(failsWith('Internal'))
      await put(task, 0)
      expect(await readBytes(task, 0, 100)).toEqual(contentOf(task).subarray(0, 100))
    })

    test('a piece that is there, is being received or does not exist cannot be written', async () => {
      const task = await create(store())
      await put(task, 0)
      task.writePiece(1)
      for (const number of [0, 1, 3, -1, 0.5]) {
        expect(() => task.writePiece(number), `piece ${number}`).toThrow(
          failsWith('InvalidArgument'),
        )
      }
    })
  })
}
