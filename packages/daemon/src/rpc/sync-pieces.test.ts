import { create } from '@bufbuild/protobuf'
import { SyncPiecesRequestSchema } from '@damselfly/api/dfdaemon'
import { Bitset } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import type { StoredTask } from '@damselfly/storage'
import { expect, it } from 'vitest'
import { LiveTask } from '../download/live-task.ts'
import type { DaemonContext } from './context.ts'
import { syncPieces } from './sync-pieces.ts'

it('keeps the daemon busy until the child has heard of all pieces', async () => {
  const have = new Bitset(2)
  have.set(0)
  const pieceLength = 4 << 20
  const spec = { contentLength: 2 * pieceLength, pieceLength }
  const live = new LiveTask({ have, spec } as StoredTask)
  const leave = live.join()
  let users = 0
  const context = {
    clock: new FakeClock(),
    host: { isSeed: false },
    tasks: { get: () => live },
    pieceAddress: () => ({ ip: '127.0.0.1', tcpPort: 1 }),
    busy: () => {
      users += 1
      return () => {
        users -= 1
      }
    },
  } as unknown as DaemonContext
  const request = create(SyncPiecesRequestSchema, { taskId: 't', interestedPieceNumbers: [0, 1] })
  const told = syncPieces(request, context, new AbortController().signal)
  expect((await told.next()).value).toMatchObject({ number: 0 })
  const next = told.next()
  expect(users, 'while it waits').toBe(1)
  leave()
  expect(await next).toMatchObject({ done: true })
  expect(users).toBe(0)
})
