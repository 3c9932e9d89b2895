import { create } from '@bufbuild/protobuf'
import { TrafficType } from '@damselfly/api/common'
import { type DownloadTaskResponse, DownloadTaskResponseSchema } from '@damselfly/api/dfdaemon'
import { expect, it } from 'vitest'
import { SharesTracker } from './shares-tracker.ts'

const pieceLength = 100n

function started(
  contentLength: bigint,
  numbers: readonly number[],
  range?: { start: bigint; length: bigint },
): DownloadTaskResponse {
  const pieces = numbers.map((number) => ({ number }))
  const value = { contentLength, pieces, ...(range === undefined ? {} : { range }) }
  return create(DownloadTaskResponseSchema, {
    response: { case: 'downloadTaskStartedResponse', value },
  })
}

function finished(
  number: number,
  from: { trafficType: TrafficType; parentId?: string },
  length = pieceLength,
): DownloadTaskResponse {
  const piece = { number, offset: BigInt(number) * pieceLength, length, ...from }
  return create(DownloadTaskResponseSchema, {
    response: { case: 'downloadPieceFinishedResponse', value: { piece } },
  })
}

const origin = { trafficType: TrafficType.BACK_TO_SOURCE }
const cache = { trafficType: TrafficType.LOCAL_PEER }
const seed = { trafficType: TrafficType.REMOTE_PEER, parentId: '10.0.0.1-h-1-seed' }
const peer = { trafficType: TrafficType.REMOTE_PEER, parentId: '10.0.0.2-h-2' }

it('counts bytes by who gave them', () => {
  const tracker = new SharesTracker()
  tracker.add(started(450n, [0, 1, 2, 3, 4]))
  expect(tracker).toMatchObject({ sizeBytes: 450, doneBytes: 0, pieceCount: 5, missingPieces: 5 })
  tracker.add(finished(3, peer))
  tracker.add(finished(0, cache))
  tracker.add(finished(1, seed))
  tracker.add(finished(2, origin))
  tracker.add(finished(4, peer, 50n))
  expect(tracker.shares).toEqual({ origin: 100, seed: 100, peers: 150, cache: 100 })
  expect(tracker).toMatchObject({ doneBytes: 450, missingPieces: 0 })
})

it('counts of a piece only what lies in the range', () => {
  const tracker = new SharesTracker()
  tracker.add(started(450n, [0, 1, 2], { start: 90n, length: 120n }))
  expect(tracker).toMatchObject({ start: 90, sizeBytes: 120 })
  for (const number of [0, 1, 2]) tracker.add(finished(number, peer))
  expect(tracker.shares.peers).toBe(120)
})

it('ends a range where the content ends', () => {
  const tracker = new SharesTracker()
  tracker.add(started(450n, [4], { start: 400n, length: 1_000n }))
  expect(tracker.sizeBytes).toBe(50)
})

it('counts a piece once and ignores pieces that were not announced', () => {
  const tracker = new SharesTracker()
  tracker.add(started(200n, [0, 1]))
  tracker.add(finished(0, peer))
  tracker.add(finished(0, origin))
  tracker.add(finished(7, origin))
  expect(tracker.shares).toEqual({ origin: 0, seed: 0, peers: 100, cache: 0 })
  expect(tracker.missingPieces).toBe(1)
})

it('believes a daemon that announces no pieces', () => {
  const tracker = new SharesTracker()
  tracker.add(started(200n, []))
  tracker.add(finished(0, peer))
  tracker.add(finished(1, peer))
  expect(tracker).toMatchObject({ doneBytes: 200, missingPieces: 0 })
})

it('knows nothing before the first message', () => {
  expect(new SharesTracker()).toMatchObject({ sizeBytes: 0, doneBytes: 0, pieceCount: 0 })
})
