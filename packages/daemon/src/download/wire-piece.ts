import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { type Piece, PieceSchema, TrafficType } from '@damselfly/api/common'
import type { PieceRecord, TrafficType as StoredTraffic } from '@damselfly/storage'

const traffic: Record<StoredTraffic, TrafficType> = {
  'back-to-source': TrafficType.BACK_TO_SOURCE,
  'remote-peer': TrafficType.REMOTE_PEER,
  'local-peer': TrafficType.LOCAL_PEER,
}

/** A piece as it is reported; cost and created_at are always set (trap T8), content never. */
export function wirePiece(record: PieceRecord): Piece {
  return create(PieceSchema, {
    number: record.number,
    offset: BigInt(record.offset),
    length: BigInt(record.length),
    digest: record.digest,
    trafficType: traffic[record.trafficType],
    cost: durationFromMs(Math.round(record.costMs)),
    createdAt: timestampFromMs(record.createdAt),
    // Go's validation refuses a parent id that is set and empty.
    ...(record.trafficType === 'remote-peer' && record.parentId !== ''
      ? { parentId: record.parentId }
      : {}),
  })
}
