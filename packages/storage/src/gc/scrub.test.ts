import { asTaskId, Bitset, DfError, silentLog, type TaskId } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayMs } from './gc-test-tasks.ts'
import { Scrub } from './scrub.ts'
import type { ScrubCursor, ScrubDamage, ScrubDeps, ScrubOptions } from './scrub-deps.ts'
import { nextTasks, type ScrubTask } from './scrub-order.ts'

const pieceBytes = 1_000

/** A task of `count` pieces that knows what was read and dropped. */
class FakeTask implements ScrubTask {
  readonly spec: { taskId: TaskId }
  readonly have: Bitset
  readonly createdAt: number
  /** What the disk says of a piece; absent = good. */
  readonly state = new Map<number, 'bad' | 'unreadable' | 'gone'>()
  onVerify: (number: number) => void = () => {}

  constructor(id: string, count: number, createdAt = 0) {
    this.spec = { taskId: asTaskId(id) }
    this.have = new Bitset(count)
    for (let number = 0; number < count; number++) this.have.set(number)
    this.createdAt = createdAt
  }

  piece(number: number): { length: number; createdAt: number } | undefined {
    return this.have.get(number) ? { length: pieceBytes, createdAt: this.createdAt } : undefined
  }

  async verify(number: number): Promise<boolean> {
    this.onVerify(number)
    const state = this.state.get(number)
    if (state === 'unreadable') throw new DfError('DiskFailed', 'EIO')
    if (state === 'gone') throw new DfError('TaskNotFound', 'deleted')
    return state !== 'bad'
  }

  async drop(number: number): Promise<void> {
    this.have.clear(number)
  }
}

interface Setting extends Partial<ScrubOptions> {
  readonly isBusy?: () => boolean
  readonly deps?: Partial<ScrubDeps>
  readonly clock?: FakeClock
}

function setUp(tasks: FakeTask[], { deps, isBusy, clock: given, ...options }: Setting = {}) {
  const clock = given ?? new FakeClock(100 * dayMs)
  const verified: string[] = []
  const damages: ScrubDamage[] = []
  const saved: ScrubCursor[] = []
  const stored = new Map(tasks.map((task) => [task.spec.taskId, task]))
  for (const task of tasks) {
    task.onVerify = (number) => verified.push(`${task.spec.taskId}-${number}`)
  }
  const scrub = new Scrub(
    { bytesPerSec: 1e9, intervalMs: 7 * dayMs, ...options },
    {
      store: { list: () => stored.values(), get: (taskId) => stored.get(taskId) },
      clock,
      log: silentLog,
      onDamage: (damage) => damages.push(damage),
      saveCursor: async (cursor) => void saved.push(cursor),
      ...(isBusy && { isBusy }),
      ...deps,
    },
  )
  /** Lets the clock run, by up to `stepMs` more than needed, until the promise has settled. */
  const settled = async <T>(promise: Promise<T>, stepMs = 1): Promise<T> => {
    let isSettled = false
    const mark = (): void => {
      isSettled = true
    }
    promise.then(mark, mark)
    while (!isSettled) await clock.advance(stepMs)
    return await promise
  }
  return { clock, scrub, stored, verified, damages, saved, settled }
}

describe('a round', () => {
  it('reads every piece once, by task id and number, whatever the order of the store', async () => {
    const { scrub, verified, settled } = setUp([
      new FakeTask('c', 1),
      new FakeTask('a', 2),
      new FakeTask('b', 1),
    ])
    const run = await settled(scrub.run())
    expect(verified).toEqual(['a-0', 'a-1', 'b-0', 'c-0'])
    expect(run).toEqual({
      outcome: 'finished',
      verifiedPieces: 4,
      verifiedBytes: 4_000,
      damagedPieces: 0,
      unreadablePieces: 0,
    })
  })

  it('comes again when it is due, and not before', async () => {
    const { clock, scrub, verified, settled } = setUp([new FakeTask('a', 1)])
    await settled(scrub.run())
    await clock.advance(7 * dayMs - 100)
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'waiting', verifiedPieces: 0 })
    await clock.advance(100)
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'finished' })
    expect(verified).toEqual(['a-0', 'a-0'])
  })

  it('passes over pieces that came lately', async () => {
    const tasks = [new FakeTask('old', 1, 93 * dayMs), new FakeTask('new', 3, 93 * dayMs + 100)]
    const { scrub, verified, settled } = setUp(tasks)
    await settled(scrub.run())
    expect(verified).toEqual(['old-0'])
  })

  it('reads pieces from the future: the clock was put back', async () => {
    const { scrub, verified, settled } = setUp([new FakeTask('a', 1, 200 * dayMs)])
    await settled(scrub.run())
    expect(verified).toEqual(['a-0'])
  })

  it('finds more tasks than it looks for at a time', async () => {
    const tasks = Array.from({ length: 2_500 }, (_, i) => new FakeTask(`t${(i * 7) % 2_500}`, 1))
    const { scrub, verified, settled } = setUp(tasks)
    await settled(scrub.run())
    expect(verified).toEqual(tasks.map(({ spec }) => `${spec.taskId}-0`).toSorted())
  })

  it('passes over a task that is deleted meanwhile, without waiting for its pieces', async () => {
    const task = new FakeTask('a', 1_000)
    const { clock, scrub, stored, verified, settled } = setUp([task, new FakeTask('b', 1)], {
      bytesPerSec: 1_000,
    })
    task.onVerify = (number) => {
      verified.push(`a-${number}`)
      stored.delete(task.spec.taskId)
    }
    const before = clock.monotonic()
    await settled(scrub.run())
    expect(verified).toEqual(['a-0', 'b-0'])
    expect(clock.monotonic() - before).toBeLessThan(2_000)
  })
})

describe('bad pieces', () => {
  it('are dropped and reported', async () => {
    const task = new FakeTask('a', 3)
    task.state.set(1, 'bad')
    const { scrub, damages, settled } = setUp([task])
    expect(await settled(scrub.run())).toMatchObject({ verifiedPieces: 3, damagedPieces: 1 })
    expect([...task.have.setBits()]).toEqual([0, 2])
    expect(damages).toEqual([{ taskId: 'a', number: 1, bytes: pieceBytes, kind: 'damaged' }])
  })

  it('that others dropped first are not reported', async () => {
    const task = new FakeTask('a', 2)
    task.state.set(0, 'bad').set(1, 'gone')
    const { scrub, damages, settled } = setUp([task])
    task.onVerify = (number) => {
      if (number === 0) task.have.clear(0)
    }
    expect(await settled(scrub.run())).toMatchObject({ damagedPieces: 0, unreadablePieces: 0 })
    expect(damages).toEqual([])
  })

  it('are reported though the store cannot drop them', async () => {
    const task = new FakeTask('a', 2)
    task.state.set(0, 'bad')
    task.drop = async () => {
      throw new DfError('DiskFailed', 'read-only')
    }
    const { scrub, verified, settled } = setUp([task])
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'finished' })
    expect(verified).toEqual(['a-0', 'a-1'])
  })
})

describe('pieces that cannot be read', () => {
  it('are dropped once the disk gives another piece', async () => {
    const task = new FakeTask('a', 4)
    task.state.set(1, 'unreadable').set(2, 'unreadable')
    const { scrub, damages, settled } = setUp([task])
    expect(await settled(scrub.run())).toMatchObject({ unreadablePieces: 2, damagedPieces: 0 })
    expect([...task.have.setBits()]).toEqual([0, 3])
    expect(damages.map(({ number, kind }) => [number, kind])).toEqual([
      [1, 'unreadable'],
      [2, 'unreadable'],
    ])
  })

  it('stay when the disk gives nothing, and the run stops', async () => {
    const task = new FakeTask('a', 10)
    for (let number = 2; number < 10; number++) task.state.set(number, 'unreadable')
    const { scrub, verified, settled } = setUp([task])
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'stopped', unreadablePieces: 3 })
    expect(task.have.isFull).toBe(true)
    expect(verified).toEqual(['a-0', 'a-1', 'a-2', 'a-3', 'a-4'])

    // The cable is plugged in again: it goes on where it stopped.
    task.state.clear()
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'finished' })
    expect(verified.slice(5)).toEqual(['a-4', 'a-5', 'a-6', 'a-7', 'a-8', 'a-9'])
    expect(task.have.isFull).toBe(true)
  })
})

describe('the pace', () => {
  it('keeps to the bandwidth', async () => {
    const { clock, scrub, verified } = setUp([new FakeTask('a', 200)], { bytesPerSec: 2_000 })
    const run = scrub.run()
    await clock.advance(0)
    // The bucket holds 64 KiB at first.
    const first = verified.length
    expect(first).toBeLessThanOrEqual(66)
    await clock.advance(10_000)
    expect(verified.length - first).toBeGreaterThanOrEqual(19)
    expect(verified.length - first).toBeLessThanOrEqual(21)
    scrub.setRate(1e9)
    await clock.advance(1_000)
    expect((await run).verifiedPieces).toBe(200)
  })

  it('waits while others are busy, but not for ever', async () => {
    let isBusy = true
    const { clock, scrub, verified } = setUp([new FakeTask('a', 5)], { isBusy: () => isBusy })
    const run = scrub.run()
    await clock.advance(59_000)
    expect(verified).toEqual([])
    await clock.advance(1_000)
    expect(verified).toEqual(['a-0'])
    isBusy = false
    await clock.advance(2_000)
    expect((await run).verifiedPieces).toBe(5)
  })
})

describe('its place', () => {
  const tasks = () => [new FakeTask('a', 100), new FakeTask('b', 100)]

  it('is kept over an abort and a restart', async () => {
    const before = setUp(tasks(), { bytesPerSec: 1_000 })
    const controller = new AbortController()
    const reason = new Error('stop')
    const failure = expect(before.scrub.run(controller.signal)).rejects.toBe(reason)
    await before.clock.advance(60_500)
    controller.abort(reason)
    await failure
    expect(before.clock.pending).toBe(0)
    const read = before.verified.length
    const cursor = before.saved.at(-1) as ScrubCursor
    expect(cursor.next).toEqual({ taskId: 'b', number: read - 100 })

    const after = setUp(tasks(), { deps: { loadCursor: async () => cursor } })
    await after.settled(after.scrub.run())
    expect(after.verified).toHaveLength(200 - read)
    expect(after.verified[0]).toBe(`b-${read - 100}`)
    expect(after.saved.at(-1)).toEqual({ startedAt: cursor.startedAt })
  })

  it('is saved now and then, and at the end', async () => {
    const { scrub, saved, clock, settled } = setUp(tasks())
    const startedAt = clock.now()
    await settled(scrub.run())
    expect(saved).toEqual([
      { startedAt, next: { taskId: 'a', number: 64 } },
      { startedAt, next: { taskId: 'b', number: 28 } },
      { startedAt, next: { taskId: 'b', number: 92 } },
      { startedAt },
    ])
  })

  it('may name a task that is gone', async () => {
    const next = { taskId: 'aa', number: 17 }
    const loadCursor = async () => ({ startedAt: 99 * dayMs, next })
    const { scrub, verified, settled } = setUp(tasks(), { deps: { loadCursor } })
    await settled(scrub.run())
    expect([verified[0], verified.length]).toEqual(['b-0', 100])
  })

  it('is no reason to stop when it cannot be loaded or saved', async () => {
    const fail = async (): Promise<never> => {
      throw new DfError('DiskFailed', 'read-only')
    }
    const { scrub, settled } = setUp(tasks(), { deps: { loadCursor: fail, saveCursor: fail } })
    expect(await settled(scrub.run())).toMatchObject({ outcome: 'finished', verifiedPieces: 200 })
  })
})

describe('the order', () => {
  it('is that of the ids, from anywhere, however few are taken at a time', () => {
    const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 50 })
    fc.assert(
      fc.property(
        ids,
        fc.string({ maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        (all, from, count) => {
          const steps = nextTasks(
            all.map((id) => new FakeTask(id, 1)),
            from as TaskId,
            count,
          )
          let step = steps.next()
          while (step.done !== true) step = steps.next()
          const expected = all.filter((id) => id >= from).toSorted(compare)
          expect(step.value.map(({ spec }) => spec.taskId)).toEqual(expected.slice(0, count))
        },
      ),
    )
  })
})

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
