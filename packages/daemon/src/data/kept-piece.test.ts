import type { PieceFacts, StoredTask } from '@damselfly/storage'
import { expect, test } from 'vitest'
import { KeptPiece } from './kept-piece.ts'

const facts: PieceFacts = { parentId: 'p', trafficType: 'remote-peer', costMs: 1 }

/** A task of two pieces, of which the second has 50 bytes. */
function setUp() {
  const written: number[] = []
  const writer = {
    write: async (chunk: Uint8Array) => void written.push(...chunk),
    commit: async () => ({ number: 1 }),
    abort: () => {},
  }
  const spec = { contentLength: 150, pieceLength: 100 }
  const stored = { spec, writePiece: () => writer } as unknown as StoredTask
  return { kept: new KeptPiece(stored, 1), written }
}

test('nothing is stored before the piece is committed, then all of it', async () => {
  const { kept, written } = setUp()
  kept.write(new Uint8Array(20).fill(1))
  kept.write(new Uint8Array(30).fill(2))
  expect(kept.digests.blake3).toHaveLength(32)
  expect(written).toEqual([])
  expect(await kept.commit(facts)).toEqual({ number: 1 })
  expect(written).toEqual([...Array(20).fill(1), ...Array(30).fill(2)])
})

test('one that was given up cannot be committed', async () => {
  const { kept } = setUp()
  kept.write(new Uint8Array(50))
  kept.abort()
  await expect(kept.commit(facts)).rejects.toMatchObject({ code: 'PeerProtocol' })
})
