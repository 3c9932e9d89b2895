import { create } from '@bufbuild/protobuf'
import { CollectGarbageRequestSchema } from '@damselfly/api/store'
import { DfError } from '@damselfly/core'
import { expect, it, onTestFinished } from 'vitest'
import { careFixture } from '../store-care/care-fixture.ts'
import type { StoreCareDeps } from '../store-care/start-store-care.ts'
import { collectGarbage } from './collect-garbage.ts'

const never = new AbortController().signal

function setUp(ids: string[], yaml: string, parts: Partial<StoreCareDeps> = {}) {
  const { clock, stored, care } = careFixture(ids, yaml, parts)
  onTestFinished(() => care.stop())
  const users = { now: 0, most: 0 }
  const context = {
    storeCare: care,
    clock,
    busy: () => {
      users.now += 1
      users.most = Math.max(users.most, users.now)
      return () => {
        users.now -= 1
      }
    },
  }
  const ask = async (request: { dryRun?: boolean; maxRows?: number }, signal = never) => {
    const message = create(CollectGarbageRequestSchema, request)
    const answer = collectGarbage(message, context, signal)
    // Planning and deleting pause now and then.
    await Promise.race([answer.catch(() => {}), clock.advance(1_000)])
    return await answer
  }
  return { stored, users, ask }
}

const old = 'gc: {policy: {taskTTL: 8d}, quota: 5000}'

it('says what would go, and deletes nothing', async () => {
  const { stored, ask } = setUp(['9a', '8b', '1c', '0d'], old)
  expect(await ask({ dryRun: true })).toMatchObject({
    dryRun: true,
    rows: [
      { taskId: '9a', reason: 'expired', bytes: 1_000n, application: '', tag: '', quota: '' },
      { taskId: '8b', reason: 'expired', bytes: 1_000n },
    ],
    omittedRows: 0n,
    totals: [{ reason: 'expired', tasks: 2n, bytes: 2_000n }],
    taskCount: 4n,
    ownBytes: 4_000n,
    freeBytes: 6_000n,
    capacityBytes: 5_000n,
    highBytes: 4_000n,
    lowBytes: 3_000n,
    freedBytes: 2_000n,
    shortBytes: 0n,
    skippedTasks: 0n,
    failedTasks: 0n,
    failure: '',
  })
  expect(stored.size).toBe(4)
})

it('deletes, tells the same of it, and keeps the daemon busy meanwhile', async () => {
  const { stored, users, ask } = setUp(['9a', '8b', '1c', '0d'], old)
  const planned = await ask({ dryRun: true })
  const done = await ask({})
  expect([...stored.keys()]).toEqual(['1c', '0d'])
  expect(done.dryRun).toBe(false)
  const told = ({ rows, ...rest }: typeof done) => {
    const idle = rows.map(({ taskId, reason, quota }) => ({ taskId, reason, quota }))
    return { ...rest, dryRun: true, rows: idle }
  }
  expect(told(done)).toEqual(told(planned))
  expect(done.rows[0]?.idleMs).toBeGreaterThanOrEqual(9n * 86_400_000n)
  expect(users).toEqual({ now: 0, most: 1 })
})

it('lists deletions as they were planned, not as they came to an end', async () => {
  const first = Promise.withResolvers<void>()
  const { ask } = setUp(['9b', '9a', '8c'], old, {
    remove: async (taskId) => {
      if (taskId === '8c') first.resolve()
      else await first.promise
    },
  })
  expect((await ask({})).rows.map(({ taskId }) => taskId)).toEqual(['9a', '9b', '8c'])
})

it('names the quota that a task is over', async () => {
  const { ask } = setUp(['2a', '1b'], 'gc: {quotas: {tags: {"*": 1500}}}')
  const expected = { rows: [{ taskId: '2a', reason: 'quota', quota: 'tag:' }] }
  expect(await ask({ dryRun: true })).toMatchObject(expected)
  expect(await ask({})).toMatchObject(expected)
})

it.each([true, false])('keeps to the rows that were asked for (dry run: %s)', async (dryRun) => {
  const { ask } = setUp(['9a', '9b', '9c'], old)
  const answer = await ask({ dryRun, maxRows: 1 })
  expect(answer.rows.map(({ taskId }) => taskId)).toEqual(['9a'])
  expect(answer).toMatchObject({ omittedRows: 2n, totals: [{ tasks: 3n }], freedBytes: 3_000n })
})

it('can be asked for totals alone', async () => {
  const { ask } = setUp(['9a'], old)
  expect(await ask({ dryRun: true, maxRows: 0 })).toMatchObject({ rows: [], omittedRows: 1n })
})

it('says why the disk refused', async () => {
  const { ask } = setUp(['9a', '9b'], old, {
    remove: () => Promise.reject(new DfError('DiskFailed', 'EROFS: read-only file system')),
  })
  expect(await ask({})).toMatchObject({
    rows: [],
    totals: [],
    freedBytes: 0n,
    failedTasks: 2n,
    failure: 'EROFS: read-only file system',
  })
})

it('ends with whoever asked', async () => {
  const { stored, users, ask } = setUp(['9a'], old)
  const gone = new DfError('Timeout', 'gone')
  await expect(ask({}, AbortSignal.abort(gone))).rejects.toBe(gone)
  expect([stored.size, users.now]).toEqual([1, 0])
})
