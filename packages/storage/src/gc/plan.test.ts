import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayMs, type TestTask, type TestTaskParts, testPolicy, testTask } from './gc-test-tasks.ts'
import { type GcInput, type GcPlan, planGc } from './plan.ts'
import type { GcPolicy, GcQuota } from './policy.ts'

const now = 100 * dayMs

interface Situation extends Partial<Omit<GcInput<TestTask>, 'policy'>> {
  readonly policy?: Partial<GcPolicy>
}

const planOf = ({ tasks = [], policy, ...rest }: Situation): GcPlan<TestTask> =>
  planGc({ tasks, freeBytes: 0, now, ...rest, policy: testPolicy(policy) })

const reasonsOf = (plan: GcPlan): (readonly [string, string])[] =>
  plan.victims.map(({ taskId, reason }) => [taskId, reason])

/** Unused for so many days. */
const idle = (id: string, days: number, parts: TestTaskParts = {}): TestTask =>
  testTask(id, { updatedAt: now - days * dayMs, ...parts })

const applicationQuota = (limits: Record<string, number>): GcQuota => ({
  name: 'application',
  keyOf: (spec) => spec.application,
  limitOf: (key) => limits[key],
})

describe('age', () => {
  it('takes what was not used for the TTL, and nothing younger, whatever room there is', () => {
    const tasks = [idle('old', 30), idle('young', 29.99), idle('new', 0)]
    const plan = planOf({ tasks, freeBytes: 1e12, policy: { taskTtlMs: 30 * dayMs } })
    expect(reasonsOf(plan)).toEqual([['old', 'expired']])
  })

  it('never expires a task when the TTL is 0', () => {
    expect(planOf({ tasks: [idle('a', 99)], freeBytes: 1e12 }).victims).toEqual([])
  })

  it('counts from the creation when nobody has used the task yet', () => {
    const tasks = [testTask('a', { createdAt: now - dayMs, updatedAt: 0 })]
    const plan = planOf({ tasks, freeBytes: 1e12, policy: { taskTtlMs: 2 * dayMs } })
    expect(plan.victims).toEqual([])
  })

  it("ends a task at its owner's time", () => {
    const tasks = [
      testTask('over', { updatedAt: now, expiresAt: now }),
      testTask('not yet', { updatedAt: now, expiresAt: now + 1 }),
    ]
    expect(reasonsOf(planOf({ tasks, freeBytes: 1e12 }))).toEqual([['over', 'expired']])
  })

  it('leaves a task that the future used: the clock was put back', () => {
    const tasks = [testTask('a', { updatedAt: now + 99 * dayMs })]
    const plan = planOf({ tasks, freeBytes: 1e12, policy: { taskTtlMs: dayMs } })
    expect(plan.victims).toEqual([])
  })
})

describe('incomplete tasks', () => {
  const policy = { incompleteTtlMs: 7 * dayMs, incompleteMinIdleMs: dayMs }

  it('go when nobody came back to them', () => {
    const tasks = [
      idle('stale', 7, { isComplete: false }),
      idle('resting', 6, { isComplete: false }),
      idle('whole', 50),
    ]
    const plan = planOf({ tasks, freeBytes: 1e12, policy })
    expect(reasonsOf(plan)).toEqual([['stale', 'incomplete-stale']])
  })

  it('are spared, however full it is, until their minimum age', () => {
    const tasks = [
      idle('young', 0.5, { isComplete: false }),
      idle('older', 2, { isComplete: false }),
      idle('whole', 0.1),
    ]
    expect(
      reasonsOf(planOf({ tasks, policy: { ...policy, highPercent: 2, lowPercent: 1 } })),
    ).toEqual([
      ['older', 'watermark'],
      ['whole', 'watermark'],
    ])
  })
})

describe('watermarks', () => {
  const tasks = [idle('c', 1), idle('a', 3), idle('d', 0), idle('b', 2)]

  it('take the longest unused until the low mark, from the high mark on', () => {
    const plan = planOf({ tasks, freeBytes: 100 })
    expect(reasonsOf(plan)).toEqual([['a', 'watermark']])
    expect(plan).toMatchObject({
      ownBytes: 400,
      capacityBytes: 500,
      freedBytes: 100,
      shortBytes: 0,
    })
  })

  it('take nothing below the high mark', () => {
    expect(planOf({ tasks, freeBytes: 101 }).victims).toEqual([])
  })

  it('are measured against the quota, and then the disk does not matter', () => {
    const plan = planOf({ tasks, freeBytes: 0, policy: { quotaBytes: 600 } })
    expect(plan.victims).toEqual([])
    expect(plan.capacityBytes).toBe(600)
    const tight = planOf({ tasks, freeBytes: 1e12, policy: { quotaBytes: 400 } })
    expect(reasonsOf(tight)).toEqual([
      ['a', 'watermark'],
      ['b', 'watermark'],
    ])
  })

  it('leave most of the store when strangers have filled the disk', () => {
    const many = Array.from({ length: 100 }, (_, i) => idle(`t${100 + i}`, 100 - i))
    const plan = planOf({ tasks: many, freeBytes: 0 })
    expect(plan.victims).toHaveLength(40)
  })

  it('do not count what goes for its age twice', () => {
    const plan = planOf({ tasks, freeBytes: 100, policy: { taskTtlMs: 3 * dayMs } })
    expect(reasonsOf(plan)).toEqual([['a', 'expired']])
  })

  it('say what they could not free', () => {
    const pinned = tasks.map((task) => ({ ...task, isPinned: true }))
    expect(planOf({ tasks: pinned, freeBytes: 0 })).toMatchObject({ victims: [], shortBytes: 160 })
  })

  it('pass over tasks that give nothing back', () => {
    const plan = planOf({ tasks: [idle('empty', 9, { heldBytes: 0 }), ...tasks], freeBytes: 100 })
    expect(reasonsOf(plan)).toEqual([['a', 'watermark']])
  })
})

describe('quotas', () => {
  const tasks = [
    idle('a1', 9, { application: 'a' }),
    idle('a2', 8, { application: 'a' }),
    idle('b1', 99, { application: 'b' }),
    idle('a3', 7, { application: 'a' }),
  ]

  it('take from who is over it only, the longest unused first', () => {
    const quotas = [applicationQuota({ a: 250, b: 100 })]
    const plan = planOf({ tasks, freeBytes: 1e12, policy: { quotas } })
    expect(reasonsOf(plan)).toEqual([['a1', 'quota']])
    expect(plan.victims[0]?.quota).toBe('application:a')
  })

  it('come before the watermark and count for it', () => {
    const quotas = [applicationQuota({ a: 100 })]
    const plan = planOf({ tasks, freeBytes: 0, policy: { quotas } })
    expect(reasonsOf(plan)).toEqual([
      ['a1', 'quota'],
      ['a2', 'quota'],
    ])
    const tighter = planOf({
      tasks,
      freeBytes: 0,
      policy: { quotas, lowPercent: 50, quotaBytes: 250 },
    })
    expect(reasonsOf(tighter)).toEqual([
      ['a1', 'quota'],
      ['a2', 'quota'],
      ['b1', 'watermark'],
    ])
  })

  it('say what they could not take', () => {
    const pinned = tasks.map((task) => ({ ...task, isPinned: true }))
    const quotas = [applicationQuota({ a: 250 })]
    expect(planOf({ tasks: pinned, freeBytes: 1e12, policy: { quotas } }).shortBytes).toBe(50)
  })
})

describe('room for a task', () => {
  const tasks = [
    idle('used', 0),
    idle('expired', 40),
    idle('resting', 2),
    idle('left', 9, { isComplete: false }),
  ]
  const policy = { taskTtlMs: 30 * dayMs, incompleteTtlMs: 7 * dayMs }

  it('is made with what has to go anyway, then by age, and no more than needed', () => {
    const reasons = (roomBytes: number) => reasonsOf(planOf({ tasks, policy, roomBytes }))
    expect(reasons(1)).toEqual([['expired', 'expired']])
    expect(reasons(301)).toEqual([
      ['expired', 'expired'],
      ['left', 'incomplete-stale'],
      ['resting', 'room'],
      ['used', 'room'],
    ])
  })

  it('never costs the task that it is for', () => {
    const sparing = tasks[3]?.spec.taskId
    const plan = planOf({ tasks, policy, roomBytes: 400, sparing })
    expect(reasonsOf(plan).map(([id]) => id)).toEqual(['expired', 'resting', 'used'])
    expect(plan.shortBytes).toBe(100)
  })
})

describe('whatever the tasks and the policy', () => {
  const ages = fc.integer({ min: -2, max: 60 })
  const task = fc.record({
    id: fc.string({ minLength: 1, maxLength: 3 }),
    createdDays: ages,
    usedDays: ages,
    heldBytes: fc.integer({ min: 0, max: 1000 }),
    isComplete: fc.boolean(),
    isPinned: fc.boolean(),
    isInUse: fc.boolean(),
    endsDays: fc.option(ages, { nil: undefined }),
    policy: fc.constantFrom('', 'standard', 'persistent', 'persistent-cache'),
    application: fc.constantFrom('', 'a', 'b'),
    tag: fc.constantFrom('', 'x', '__proto__'),
  })
  const tasks = fc.uniqueArray(task, { selector: ({ id }) => id, maxLength: 40 }).map((drawn) =>
    drawn.map(({ id, createdDays, usedDays, endsDays, ...facts }) =>
      testTask(id, {
        ...facts,
        createdAt: now - createdDays * dayMs,
        updatedAt: now - usedDays * dayMs,
        expiresAt: endsDays === undefined ? undefined : now - endsDays * dayMs,
      }),
    ),
  )
  const ttl = fc.integer({ min: 0, max: 50 }).map((days) => days * dayMs)
  const limit = fc.integer({ min: 0, max: 5000 })
  const policy: fc.Arbitrary<GcPolicy> = fc
    .record({
      taskTtlMs: ttl,
      persistentTtlMs: ttl,
      persistentCacheTtlMs: ttl,
      incompleteTtlMs: ttl,
      incompleteMinIdleMs: ttl,
      quotaBytes: fc.option(limit, { nil: undefined }),
      percents: fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 2 }),
      limits: fc.option(fc.record({ a: limit, b: limit }), { nil: undefined }),
      tagLimit: fc.option(limit, { nil: undefined }),
    })
    .map(({ percents, limits, tagLimit, ...rest }) => ({
      ...rest,
      lowPercent: Math.min(...percents),
      highPercent: Math.max(...percents),
      quotas: [
        ...(limits === undefined ? [] : [applicationQuota(limits)]),
        { name: 'tag', keyOf: (spec) => spec.tag, limitOf: () => tagLimit } satisfies GcQuota,
      ],
    }))
  const situation: fc.Arbitrary<GcInput<TestTask>> = fc.record({
    tasks,
    policy,
    freeBytes: fc.integer({ min: 0, max: 10_000 }),
    now: fc.constant(now),
  })
  const room = fc.integer({ min: 1, max: 10_000 })

  /** Follows a plan victim by victim. */
  class Replay {
    readonly left: Set<TestTask>
    constructor(input: GcInput<TestTask>) {
      this.left = new Set(input.tasks)
    }
    bytes(belongs: (task: TestTask) => boolean = () => true): number {
      let sum = 0
      for (const left of this.left) if (belongs(left)) sum += left.heldBytes
      return sum
    }
  }

  const isExempt = (task: TestTask): boolean =>
    task.isPinned ||
    task.isInUse ||
    (task.policy?.startsWith('persistent') === true && task.expiresAt === undefined)

  it('nothing is taken that is pinned, in use, or persistent and not at its end', () => {
    fc.assert(
      fc.property(situation, fc.option(room, { nil: undefined }), (drawn, roomBytes) => {
        const policy = { ...drawn.policy, persistentTtlMs: 0, persistentCacheTtlMs: 0 }
        const plan = planGc({ ...drawn, policy, ...(roomBytes !== undefined && { roomBytes }) })
        for (const { task, reason } of plan.victims) {
          expect(isExempt(task)).toBe(false)
          if (task.policy?.startsWith('persistent') !== true) continue
          expect(reason).toBe('expired')
          expect(task.expiresAt).toBeLessThanOrEqual(now)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('each victim was still needed when its turn came', () => {
    fc.assert(
      fc.property(situation, (input) => {
        const plan = planGc(input)
        const replay = new Replay(input)
        const target = (plan.capacityBytes * input.policy.lowPercent) / 100
        for (const { task, reason, quota } of plan.victims) {
          if (reason === 'quota') {
            const isOver = input.policy.quotas.some((rule) => {
              const key = rule.keyOf(task.spec) ?? ''
              const used = replay.bytes((other) => rule.keyOf(other.spec) === key)
              return `${rule.name}:${key}` === quota && used > (rule.limitOf(key) ?? Infinity)
            })
            expect(isOver).toBe(true)
          }
          if (reason === 'watermark') expect(replay.bytes()).toBeGreaterThan(target)
          expect(replay.left.delete(task)).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('afterwards all limits hold, or nothing more could be taken', () => {
    fc.assert(
      fc.property(situation, (input) => {
        const plan = planGc(input)
        const replay = new Replay(input)
        for (const { task } of plan.victims) replay.left.delete(task)
        const high = (plan.capacityBytes * input.policy.highPercent) / 100
        const isOver = (rest: TestTask): boolean =>
          input.policy.quotas.some((rule) => {
            const key = rule.keyOf(rest.spec) ?? ''
            const used = replay.bytes((other) => rule.keyOf(other.spec) === key)
            return used > (rule.limitOf(key) ?? Infinity)
          })
        if (plan.shortBytes === 0) {
          expect(replay.bytes()).toBeLessThanOrEqual(high)
          expect([...replay.left].some(isOver)).toBe(false)
        }
        // Of what is left nothing would help.
        const policy = { ...input.policy, quotaBytes: plan.capacityBytes }
        expect(planGc({ ...input, policy, tasks: replay.left }).victims).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('room is made with the fewest tasks of their order, or all that could go is named', () => {
    fc.assert(
      fc.property(situation, room, (input, roomBytes) => {
        const plan = planGc({ ...input, roomBytes })
        const last = plan.victims.at(-1)?.bytes ?? 0
        if (plan.shortBytes === 0) expect(plan.freedBytes - last).toBeLessThan(roomBytes)
        expect(plan.freedBytes + plan.shortBytes).toBeGreaterThanOrEqual(roomBytes)
        const freed = plan.victims.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(plan.freedBytes).toBe(freed)
      }),
      { numRuns: 1000 },
    )
  })

  it('the order of the input does not matter', () => {
    const shuffled = situation.chain((input) =>
      fc.tuple(
        fc.constant(input),
        fc.shuffledSubarray([...input.tasks], { minLength: [...input.tasks].length }),
      ),
    )
    fc.assert(
      fc.property(shuffled, fc.option(room, { nil: undefined }), ([input, other], roomBytes) => {
        const wish = roomBytes === undefined ? {} : { roomBytes }
        expect(planGc({ ...input, ...wish, tasks: other })).toEqual(planGc({ ...input, ...wish }))
      }),
    )
  })
})
