import { asTaskId, Bitset, type DfError, pieceGeometry, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import type { PieceRecord } from '@damselfly/storage'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import type { ArrivedPiece, PieceOrder } from '../data/data-plane.ts'
import { LiveTask } from '../download/live-task.ts'
import { PeerBans } from '../download/peer-bans.ts'
import type { Exchange } from '../swarm/index.ts'
import type { MeshJob } from './mesh-job.ts'
import { createMeshMetrics } from './mesh-metrics.ts'
import type { Neighbour } from './neighbour.ts'
import { Takes } from './takes.ts'

/** Fetches of piece 0, each of which ends when the test says so. */
function setUp() {
  const clock = new FakeClock()
  const have = new Bitset(1)
  const spec = { taskId: asTaskId('a'.repeat(64)), contentLength: 100, pieceLength: 100 }
  const live = new LiveTask({ have, spec } as never)
  const heard: string[] = []
  const fetches = new Map<string, { arrive: () => void; isSecond: boolean }>()
  const receive = (order: PieceOrder, signal: AbortSignal): Promise<ArrivedPiece> => {
    const { promise, resolve, reject } = Promise.withResolvers<ArrivedPiece>()
    const from = String((order.peer as { name?: string }).name)
    const commit = async (): Promise<PieceRecord> => {
      have.set(0)
      heard.push(`stored from ${from}`)
      return { number: 0, length: 100, trafficType: 'remote-peer' } as PieceRecord
    }
    const arrived = { header: { digest: '' }, digests: {}, commit, abort: () => {} }
    const arrive = (): void => resolve(arrived as unknown as ArrivedPiece)
    fetches.set(from, { arrive, isSecond: order.isSecond === true })
    signal.addEventListener('abort', () => reject(signal.reason as DfError))
    return promise
  }
  const job = {
    wanted: { first: 0, end: 1 },
    onChange: () => {},
    take: {
      data: { receive },
      authority: { expected: async () => ({ crc32: 1 }), record: async () => 'accepted' },
      turn: async () => () => {},
      limiter: { take: async () => {} },
      pieceTimeoutMs: 60_000,
      isBackground: false,
      onUnattested: () => {},
      clock,
      log: silentLog,
    },
  } as unknown as MeshJob
  const exchange = {
    pieceArrived: (slot: number) => void heard.push(`arrived from ${slot}`),
    pieceFailed: (slot: number, _piece: number, kind: string) => void heard.push(`${slot} ${kind}`),
    wastedBytes: 0,
  } as unknown as Exchange
  const geometry = pieceGeometry(100, 100)
  const target = { live, geometry, exchange, act: () => {} }
  const metrics = createMeshMetrics(new Registry())
  const takes = new Takes(target, { bans: new PeerBans(clock), clock, metrics })
  const begin = async (slot: number, isHedge: boolean): Promise<void> => {
    const link = { post: () => {}, isOver: false }
    const neighbour = { slot, link, peerId: `${slot}`, peer: async () => ({ name: `${slot}` }) }
    takes.begin({ neighbour: neighbour as unknown as Neighbour, piece: 0, job, isHedge })
    await clock.advance(0)
  }
  const arrive = async (from: number): Promise<void> => {
    fetches.get(String(from))?.arrive()
    await clock.advance(0)
    await clock.advance(0)
  }
  return { takes, begin, arrive, fetches, heard, clock, live }
}

test('a late piece comes from two at once, and the second copy counts when it is whole first', async () => {
  const { begin, arrive, fetches, heard, live } = setUp()
  await begin(1, false)
  await begin(2, true)
  expect([...fetches.values()].map(({ isSecond }) => isSecond)).toEqual([false, true])
  await arrive(2)
  expect(heard).toEqual(['1 busy', 'stored from 2', 'arrived from 2'])
  expect(live.isClaimed(0)).toBe(false)
})

test('when the first copy is whole first, the second is cancelled', async () => {
  const { takes, begin, arrive, heard, clock } = setUp()
  await begin(1, false)
  await begin(2, true)
  await arrive(1)
  takes.cancel(2, 0)
  await clock.advance(0)
  expect(heard).toEqual(['stored from 1', 'arrived from 1'])
  expect(takes.has(0)).toBe(false)
})

test('a piece that was given up is asked of somebody else when the first fetch has let go', async () => {
  const { takes, begin, fetches } = setUp()
  await begin(1, false)
  takes.cancel(1, 0)
  await begin(2, false)
  expect(fetches.get('2')?.isSecond).toBe(false)
})
