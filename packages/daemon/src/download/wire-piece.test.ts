import { durationMs } from '@bufbuild/protobuf/wkt'
import { TrafficType } from '@damselfly/api/common'
import type { PieceRecord } from '@damselfly/storage'
import { describe, expect, it } from 'vitest'
import { wirePiece } from './wire-piece.ts'

const record: PieceRecord = {
  number: 3,
  offset: 12 * 1024 * 1024,
  length: 4 * 1024 * 1024,
  digest: 'crc32:1475635037',
  blake3: new Uint8Array(32),
  parentId: '10.0.0.1-a-uuid',
  trafficType: 'remote-peer',
  costMs: 12.7,
  createdAt: 1_700_000_000_000,
}

describe('wirePiece()', () => {
  it('always carries cost and created_at, which Go refuses a piece without (T8)', () => {
    const piece = wirePiece(record)
    expect(durationMs(piece.cost!)).toBe(13)
    expect(piece.createdAt?.seconds).toBe(1_700_000_000n)
  })

  it('passes the digest on as crc32 in decimal (T11) and names the parent', () => {
    expect(wirePiece(record)).toMatchObject({
      number: 3,
      digest: 'crc32:1475635037',
      parentId: '10.0.0.1-a-uuid',
      trafficType: TrafficType.REMOTE_PEER,
    })
  })

  it('names no parent for what came from the origin or was here: a set but empty one is refused (T8)', () => {
    const source = wirePiece({ ...record, parentId: '', trafficType: 'back-to-source' })
    expect(source.parentId).toBeUndefined()
    expect(source.trafficType).toBe(TrafficType.BACK_TO_SOURCE)
    expect(wirePiece({ ...record, trafficType: 'local-peer' }).parentId).toBeUndefined()
  })
})
