import { asTaskId, DfError, deferred, type Log, silentLog, type TaskId } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import { Collector } from './collector.ts'
import { FakeGcStore } from './fake-gc-store.ts'
import type { GcRun } from './gc-run.ts'
import { dayMs, type TestTask, testPolicy, testTask } from './gc-test-tasks.ts'
import type { GcPolicy } from './policy.ts'

interface Options {
  readonly tasks: readonly TestTask[]
  readonly diskBytes?: number
  readonly policy?: Partial<GcPolicy>
}

function setUp({ tasks, diskBytes = 1e9, policy }: Options) {
  const clock = new FakeClock(100 * dayMs)
  const store = new FakeGcStore(tasks, diskBytes)
  const lines: [string, object, string | undefined][] = []
  const write = (level: string) => (data: object | string, message?: string) => {
    lines.push(typeof data === 'string' ? [level, {}, data] : [level, data, message])
  }
  const log: Log = {
    ...silentLog,
    child: () => log,
    info: write('info'),
    warn: write('warn'),
  }
  const gone: TaskId[] = []
  const runs: GcRun[] = []
  const collector = new Collector(testPolicy(policy), {
    store,
    clock,
    log,
    onDeleted: ({ taskId }) => gone.push(taskId),
    onRun: (run) => runs.push(run),
  })
  /** Lets the clock run until the promise has settled. */
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false
    const mark = (): void => {
      isSettled = true
    }
    promise.then(mark, mark)
    while (!isSettled) await clock.advance(1)
    return await promise
  }
  return { clock, store, collector, gone, runs, lines, settled }
}

const expiring = { taskTtlMs: dayMs }
const many = (count: number, parts: Parameters<typeof testTask>[1] = {}): TestTask[] =>
  Array.from({ length: count }, (_, i) => testTask(`t${1e6 + i}`, { updatedAt: i, ...parts }))

describe('a run', () => {
  it('deletes what the plan says, tells of each and writes one line', async () => {
    const tasks = [testTask('old'), testTask('new', { updatedAt: 100 * dayMs })]
    const { collector, store, gone, runs, lines, settled } = setUp({ tasks, policy: expiring })
    const run = await settled(collector.run())
    expect([...store.tasks.keys()]).toEqual(['new'])
    expect(gone).toEqual(['old'])
    expect(run).toMatchObject({
      kind: 'regular',
      outcome: 'done',
      deletedTasks: 1,
      freedBytes: 100,
      deleted: { expired: { tasks: 1, bytes: 100 }, room: { tasks: 0, bytes: 0 } },
    })
    expect(runs).toEqual([run])
    expect(lines).toEqual([
      [
        'info',
        expect.objectContaining({ deleted: { expired: { tasks: 1, bytes: 100 } }, freed: '100 B' }),
        'garbage collected',
      ],
    ])
  })

  it('deletes a few at a time and lets others have their turn in between', async () => {
    const { collector, store, clock, settled } = setUp({ tasks: many(100), policy: expiring })
    // Each timer is the end of a turn.
    const perTurn: number[] = []
    const schedule = clock.schedule.bind(clock)
    let before = 0
    clock.schedule = (delayMs, fn) => {
      perTurn.push(store.deletions - before)
      before = store.deletions
      return schedule(delayMs, fn)
    }
    expect((await settled(collector.run())).deletedTasks).toBe(100)
    expect(Math.max(...perTurn)).toBe(8)
    expect(store.mostAtATime).toBe(8)
  })

  it('ends its turn early when deletions are slow', async () => {
    const { collector, store, clock, settled } = setUp({ tasks: many(32), policy: expiring })
    // The store works synchronously for 3 ms at each deletion.
    let busyMs = 0
    const monotonic = clock.monotonic.bind(clock)
    clock.monotonic = () => monotonic() + busyMs
    store.onDelete = () => {
      busyMs += 3
    }
    await settled(collector.run())
    expect(store.mostAtATime).toBe(2)
  })

  it('pauses as long as a turn took, unless somebody waits for the room', async () => {
    const pausesOf = async (act: (collector: Collector) => Promise<unknown>) => {
      const { collector, store, clock, settled } = setUp({
        tasks: many(32),
        policy: expiring,
        diskBytes: 3_200,
      })
      let busyMs = 0
      const monotonic = clock.monotonic.bind(clock)
      clock.monotonic = () => monotonic() + busyMs
      store.onDelete = () => {
        busyMs += 3
      }
      const pauses = new Set<number>()
      const schedule = clock.schedule.bind(clock)
      clock.schedule = (delayMs, fn) => {
        if (delayMs < 1_000) pauses.add(delayMs)
        return schedule(delayMs, fn)
      }
      await settled(act(collector))
      expect(store.deletions).toBeGreaterThan(8)
      return [...pauses]
    }
    expect(await pausesOf((collector) => collector.run())).toEqual([6])
    expect(await pausesOf((collector) => collector.makeRoom(2_000))).toEqual([0])
  })

  it('leaves a task that is used, pinned, prolonged or new since the plan was made', async () => {
    const tasks = many(600)
    const { collector, store, settled } = setUp({ tasks, policy: expiring })
    const changed = new Set<TaskId>()
    let isFirst = true
    store.onDelete = () => {
      if (!isFirst) return
      isFirst = false
      const [used, pinned, served, recreated] = store.list().slice(-4) as [
        TestTask,
        TestTask,
        TestTask,
        TestTask,
      ]
      used.isInUse = true
      pinned.isPinned = true
      served.updatedAt = 100 * dayMs
      const { taskId } = recreated.spec
      store.tasks.set(taskId, testTask(taskId, { createdAt: 100 * dayMs }))
      for (const task of [used, pinned, served, recreated]) changed.add(task.spec.taskId)
    }
    const run = await settled(collector.run())
    expect(new Set(store.tasks.keys())).toEqual(changed)
    expect(run).toMatchObject({ deletedTasks: 596, skippedTasks: 4, failedTasks: 0 })
  })

  it('counts a task that somebody else deleted as no failure', async () => {
    const { collector, store, settled } = setUp({ tasks: many(3), policy: expiring })
    store.onDelete = (taskId) => {
      if (taskId === 't1000001') store.tasks.delete(taskId)
    }
    const run = await settled(collector.run())
    expect(run).toMatchObject({ deletedTasks: 2, skippedTasks: 1, outcome: 'done' })
  })

  it('goes on after a deletion that fails, and gives up when all do', async () => {
    const { collector, store, lines, settled } = setUp({ tasks: many(100), policy: expiring })
    const error = new DfError('DiskFailed', 'read-only file system')
    store.onDelete = (taskId) => {
      if (taskId === 't1000000') throw error
    }
    const first = await settled(collector.run())
    expect(first).toMatchObject({ deletedTasks: 99, failedTasks: 1, outcome: 'done' })
    expect(lines.at(-1)?.[1]).toMatchObject({ err: error })

    for (const task of many(100)) store.tasks.set(task.spec.taskId, task)
    store.onDelete = () => {
      throw error
    }
    const second = await settled(collector.run())
    expect(second).toMatchObject({ deletedTasks: 0, failedTasks: 16, outcome: 'failed' })
  })

  it('ends between deletions when it is aborted, and tells what it did', async () => {
    const { collector, store, clock, runs, settled } = setUp({ tasks: many(100), policy: expiring })
    const controller = new AbortController()
    const reason = new Error('stop')
    const unlink = deferred()
    store.onDelete = () => unlink.promise
    const run = collector.run(controller.signal)
    const failure = expect(run).rejects.toBe(reason)
    await clock.advance(0)
    controller.abort(reason)
    unlink.resolve()
    await settled(failure)
    expect(store.tasks.size).toBe(92)
    expect(runs).toMatchObject([{ outcome: 'aborted', deletedTasks: 8 }])
    expect(clock.pending).toBe(0)
  })

  it('waits for the run before it', async () => {
    const { collector, store, settled } = setUp({ tasks: many(20), policy: expiring })
    const both = await settled(Promise.all([collector.run(), collector.run()]))
    expect(both.map(({ deletedTasks }) => deletedTasks)).toEqual([20, 0])
    expect(store.deletions).toBe(20)
  })

  it('follows a policy that changed', async () => {
    const { collector, settled } = setUp({ tasks: many(10) })
    expect((await settled(collector.run())).deletedTasks).toBe(0)
    collector.setPolicy(testPolicy({ quotaBytes: 1000 }))
    expect((await settled(collector.run())).deletedTasks).toBe(4)
  })
})

describe('a dry run', () => {
  it('lists what would go and why, and deletes nothing', async () => {
    const now = 100 * dayMs
    const tasks = [
      testTask('expired', { updatedAt: now - dayMs, application: 'ml', tag: 'v1' }),
      testTask('old', { updatedAt: now - 1000 }),
      testTask('young', { updatedAt: now }),
    ]
    const { collector, store, runs, settled } = setUp({
      tasks,
      policy: { ...expiring, quotaBytes: 200, highPercent: 90, lowPercent: 50 },
    })
    const report = await settled(collector.dryRun())
    expect(report).toEqual({
      rows: [
        {
          taskId: 'expired',
          reason: 'expired',
          bytes: 100,
          idleMs: dayMs,
          application: 'ml',
          tag: 'v1',
        },
        { taskId: 'old', reason: 'watermark', bytes: 100, idleMs: 1000, application: '', tag: '' },
      ],
      omittedRows: 0,
      totals: {
        expired: { tasks: 1, bytes: 100 },
        'incomplete-stale': { tasks: 0, bytes: 0 },
        quota: { tasks: 0, bytes: 0 },
        watermark: { tasks: 1, bytes: 100 },
        room: { tasks: 0, bytes: 0 },
      },
      taskCount: 3,
      ownBytes: 300,
      freeBytes: 1e9 - 300,
      capacityBytes: 200,
      highBytes: 180,
      lowBytes: 100,
      freedBytes: 200,
      shortBytes: 0,
    })
    expect([store.tasks.size, runs.length]).toEqual([3, 0])
  })

  it('lists no more than asked for, and counts all', async () => {
    const { collector, settled } = setUp({ tasks: many(2_000), policy: expiring })
    expect(await settled(collector.dryRun())).toMatchObject({ omittedRows: 1_000 })
    const report = await settled(collector.dryRun({ maxRows: 3 }))
    expect(report.rows.map(({ taskId }) => taskId)).toEqual(['t1000000', 't1000001', 't1000002'])
    expect(report).toMatchObject({ omittedRows: 1_997, totals: { expired: { tasks: 2_000 } } })
  })
})

describe('making room', () => {
  it('deletes nothing when there is room', async () => {
    const { collector, store, settled } = setUp({ tasks: many(5), diskBytes: 1000 })
    expect(await settled(collector.makeRoom(500))).toBe(true)
    expect(store.deletions).toBe(0)
  })

  it('deletes just enough, the longest unused first', async () => {
    const { collector, store, gone, settled } = setUp({ tasks: many(10), diskBytes: 1000 })
    expect(await settled(collector.makeRoom(250))).toBe(true)
    expect(gone).toEqual(['t1000000', 't1000001', 't1000002'])
    expect(store.tasks.size).toBe(7)
  })

  it('keeps the quota, whatever the disk has', async () => {
    const { collector, gone, settled } = setUp({ tasks: many(10), policy: { quotaBytes: 1100 } })
    expect(await settled(collector.makeRoom(200))).toBe(true)
    expect(gone).toHaveLength(1)
    expect(await settled(collector.makeRoom(1101))).toBe(false)
    expect(gone).toHaveLength(1)
  })

  it('deletes nothing when it could not be enough', async () => {
    const tasks = [...many(9), testTask('pinned', { isPinned: true })]
    const { collector, store, lines, settled } = setUp({ tasks, diskBytes: 1000 })
    expect(await settled(collector.makeRoom(901))).toBe(false)
    expect(store.deletions).toBe(0)
    expect(lines).toMatchObject([['info', { kind: 'room', shortBytes: 1 }, 'garbage collected']])
    expect(await settled(collector.makeRoom(900))).toBe(true)
  })

  it('spares the task that it is for', async () => {
    const { collector, store, settled } = setUp({ tasks: many(3), diskBytes: 300 })
    const sparing = asTaskId('t1000000')
    expect(await settled(collector.makeRoom(200, { sparing }))).toBe(true)
    expect([...store.tasks.keys()]).toEqual([sparing])
  })

  it('stops when deleting gives nothing back: outputs are hard links, or strangers are quicker', async () => {
    const { collector, store, gone, settled } = setUp({ tasks: many(100), diskBytes: 10_000 })
    store.onDelete = () => {
      store.strangersBytes += 100
    }
    expect(await settled(collector.makeRoom(300))).toBe(false)
    expect(gone).toHaveLength(3)
  })

  it('does not wait for a regular run', async () => {
    const { collector, store, clock, settled } = setUp({
      tasks: many(10),
      diskBytes: 1000,
      policy: { highPercent: 10, lowPercent: 5 },
    })
    const stuck = deferred()
    store.onDelete = () => stuck.promise
    const run = collector.run()
    await clock.advance(0)
    expect(store.deletions).toBe(8)
    store.onDelete = () => {}
    expect(await settled(collector.makeRoom(100))).toBe(true)
    stuck.resolve()
    // The regular run finds those it was busy with gone, and that is no failure.
    expect(await settled(run)).toMatchObject({ failedTasks: 0, outcome: 'done' })
  })

  it('gives up when the disk does not answer', async () => {
    const { collector, store, clock, lines } = setUp({ tasks: many(10), diskBytes: 1000 })
    const stuck = deferred()
    store.onDelete = () => stuck.promise
    const room = collector.makeRoom(100)
    await clock.advance(30_000)
    expect(await room).toBe(false)
    expect(lines.at(-1)?.[2]).toBe('no room could be made')
    stuck.resolve()
    await clock.advance(1)
    expect(clock.pending).toBe(0)
  })

  it('rejects when the caller aborts', async () => {
    const { collector, store, clock } = setUp({ tasks: many(10), diskBytes: 1000 })
    const stuck = deferred()
    store.onDelete = () => stuck.promise
    const controller = new AbortController()
    const reason = new Error('not wanted any more')
    const failure = expect(collector.makeRoom(100, { signal: controller.signal })).rejects.toBe(
      reason,
    )
    await clock.advance(0)
    controller.abort(reason)
    await failure
    stuck.resolve()
    await clock.advance(1)
    expect(clock.pending).toBe(0)
  })
})

it('looks at 100,000 tasks and deletes them in turns of bounded work', async () => {
  const tasks = many(100_000)
  const { collector, store, settled } = setUp({ tasks, policy: expiring })
  const run = await settled(collector.run())
  expect(run.deletedTasks).toBe(100_000)
  expect(store.mostAtATime).toBeLessThanOrEqual(8)
}, 60_000)
