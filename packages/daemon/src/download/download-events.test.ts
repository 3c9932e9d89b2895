import { Bitset, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import type { PieceRecord, StoredTask } from '@damselfly/storage'
import { expect, it } from 'vitest'
import { type FollowDeps, followDownload } from './download-events.ts'
import type { DownloadRequest } from './download-request.ts'
import { LiveTask } from './live-task.ts'

const record = (number: number) => ({ number, trafficType: 'remote-peer' }) as PieceRecord

/** A task that is being downloaded, and what its job waits for. */
function running(records: readonly PieceRecord[]) {
  const stored = {
    have: new Bitset(2),
    pieces: () => [...records],
    lease: () => ({ [Symbol.dispose]: () => {} }),
  }
  const live = new LiveTask(stored as unknown as StoredTask)
  const done = Promise.withResolvers<void>()
  const start = { live, wanted: { first: 0, end: 2 } }
  const deps = {
    log: silentLog,
    clock: new FakeClock(),
    downloads: { join: () => ({ started: Promise.resolve(start), done: done.promise }) },
  } as unknown as FollowDeps
  return { live, done, deps }
}

it('reads from the first wanted piece for who takes the content in the answers, as long as that lasts', async () => {
  const { live, deps } = running([record(0)])
  const request = { download: { needPieceContent: true } } as DownloadRequest
  for await (const _ of followDownload(request, deps, new AbortController().signal)) {
    expect(live.reader).toBe(0)
    break
  }
  expect(live.reader).toBeUndefined()
})

it('tells of a piece that is in the store before anybody is told of it', async () => {
  const records = [record(0)]
  const { done, deps } = running(records)
  const request = { download: {} } as DownloadRequest
  const told: number[] = []
  for await (const event of followDownload(request, deps, new AbortController().signal)) {
    if (event.kind === 'started') continue
    told.push(event.record.number)
    if (told.length > 1) continue
    // A job beside this one commits the last piece: this one sees that all is here before that one says so.
    records.push(record(1))
    done.resolve()
  }
  expect(told).toEqual([0, 1])
})
