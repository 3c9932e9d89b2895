import { asTaskId, DfError, type TaskId } from '@damselfly/core'
import type { ScrubCursor, ScrubDamage } from '@damselfly/storage/gc'
import { expect, it } from 'vitest'
import { careFixture, dayMs } from './care-fixture.ts'

it('collects soon after the start and then at each interval, and tells the scheduler', async () => {
  const told: TaskId[] = []
  const { clock, stored, care, metric } = careFixture(
    ['9a', '5b', '0c'],
    'gc: {interval: 1d, policy: {taskTTL: 6d}}',
    { tellGone: async (taskId) => void told.push(taskId) },
  )
  await clock.advance(9_000)
  expect(stored.size).toBe(3)
  await clock.advance(2_000)
  expect([...stored.keys()]).toEqual(['5b', '0c'])
  await clock.advance(dayMs)
  expect([...stored.keys()]).toEqual(['0c'])
  expect(told).toEqual(['9a', '5b'])
  expect(await metric('gc_deleted_tasks_total{reason="expired"}')).toMatch(/ 2$/)
  expect(await metric('gc_freed_bytes_total{reason="expired"}')).toMatch(/ 2000$/)
  expect(await metric('gc_runs_total{kind="regular",outcome="done"}')).toMatch(/ 2$/)
  expect(await metric('gc_own_bytes')).toMatch(/ 1000$/)
  await care.stop()
  expect(clock.pending).toBe(0)
})

it('deletes through the one who knows what else belongs to a task', async () => {
  const removed: TaskId[] = []
  const { clock, stored, care } = careFixture(['9a'], 'gc: {policy: {taskTTL: 1d}}', {
    remove: async (taskId) => void removed.push(taskId),
  })
  await clock.advance(11_000)
  expect([removed, stored.size]).toEqual([['9a'], 1])
  await care.stop()
})

it('is not held up by a scheduler that is away', async () => {
  const ids = Array.from({ length: 9 }, (_, i) => `9${i}`)
  let signals = 0
  const { clock, stored, care } = careFixture(ids, 'gc: {policy: {taskTTL: 1d}}', {
    tellGone: (_taskId, signal) =>
      new Promise((_resolve, reject) => {
        signals += 1
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  await clock.advance(11_000)
  expect([stored.size, signals]).toEqual([0, 4])
  await clock.advance(5_000)
  expect(signals).toBe(8)
  await care.stop()
  expect(clock.pending).toBe(0)
})

it('scrubs, remembers its place and reports what it found', async () => {
  const damages: ScrubDamage[] = []
  const saved: ScrubCursor[] = []
  const { clock, stored, care, metric } = careFixture(['9a', '8b'], 'gc: {scrub: {interval: 7d}}', {
    onDamage: (damage) => damages.push(damage),
    saveCursor: async (cursor) => void saved.push(cursor),
  })
  const bad = stored.get(asTaskId('8b'))
  if (bad !== undefined) bad.isGood = false
  await clock.advance(59_000)
  expect(damages).toEqual([])
  await clock.advance(2_000)
  expect(damages).toEqual([{ taskId: '8b', number: 0, bytes: 1_000, kind: 'damaged' }])
  expect(bad?.have.count).toBe(0)
  expect(saved).toHaveLength(1)
  expect(await metric('scrub_verified_bytes_total')).toMatch(/ 2000$/)
  expect(await metric('scrub_bad_pieces_total{kind="damaged"}')).toMatch(/ 1$/)
  expect(await metric('scrub_rounds_total')).toMatch(/ 1$/)
  await care.stop()
})

it('leaves the scrub when it is turned off', async () => {
  const { clock, care, metric } = careFixture(['9a'], 'gc: {scrub: {enable: false}}')
  await clock.advance(10 * 60_000)
  expect(await metric('scrub_verified_bytes_total')).toMatch(/ 0$/)
  await care.stop()
})

it('makes room, shows what a run would do, and runs on demand', async () => {
  const { clock, stored, care } = careFixture(['9a', '8b', '7c'], 'gc: {policy: {taskTTL: 8d}}')
  const room = care.makeRoom(8_000)
  await clock.advance(10)
  expect(await room).toBe(true)
  expect([...stored.keys()]).toEqual(['8b', '7c'])
  const report = care.dryRun()
  await clock.advance(10)
  expect((await report).rows.map(({ taskId }) => taskId)).toEqual(['8b'])
  const run = care.collect()
  await clock.advance(10)
  expect((await run).deletedTasks).toBe(1)
  await care.stop()
})

it('tells who asked for a run what that run deleted, not what others did meanwhile', async () => {
  const { clock, stored, care } = careFixture(['9a', '8b', '1c'], 'gc: {policy: {taskTTL: 8d}}')
  const never = new AbortController().signal
  const told: string[][] = [[], []]
  const room = care.makeRoom(9_500)
  const runs = told.map((list) => care.collect(never, ({ taskId }) => list.push(taskId)))
  await clock.advance(1_000)
  const counts = (await Promise.all(runs)).map(({ deletedTasks }) => deletedTasks)
  expect(counts).toEqual(told.map(({ length }) => length))
  expect([await room, stored.size]).toEqual([true, 0])
  // Only making room takes this one.
  expect(told.flat()).not.toContain('1c')
  await care.stop()
})

it('stops in the middle of everything', async () => {
  const { clock, care } = careFixture(['9a', '8b'], 'gc: {policy: {taskTTL: 1d}}', {
    remove: () => Promise.reject(new DfError('DiskFailed', 'EIO')),
  })
  const room = care.makeRoom(10_000)
  const refused = expect(room).rejects.toMatchObject({ name: 'AbortError' })
  await care.stop()
  await refused
  await care.closed
  await clock.advance(100)
  expect(clock.pending).toBe(0)
})
