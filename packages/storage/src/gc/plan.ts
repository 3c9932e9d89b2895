/**
 * Decides what leaves the store. Pure: tasks, disk space, policy and time in, an ordered list out.
 *
 * **Only our own bytes count.** Dragonfly looks at how full the file system is. When strangers fill it (a database beside the
 * daemon), it wants to free more than it holds and throws everything away, for nothing: the strangers take that, too
 * (dragonflyoss/client#1184). Here 100 % is `quotaBytes` when there is one, and then nobody else has any influence. Without it,
 * 100 % is what we hold plus what is free: a stranger's byte makes the whole a byte smaller and never counts as ours, so
 * a disk that others have filled costs us from 100 % down to `lowPercent` of our bytes, not all of them.
 *
 * Victims come in this order: what has expired, incomplete downloads that nobody came back to, what is over a quota,
 * and what must go for the watermark or for a task that needs room. Within each the longest unused goes first, by task id
 * among equals, whatever the order of the input.
 */
import type { TaskId } from '@damselfly/core'
import { Heap } from './heap.ts'
import { type GcPolicy, type GcTask, lastUsedAt, type Standing, standingOf } from './policy.ts'
import { QuotaUsage } from './quota-usage.ts'

export type GcReason = 'expired' | 'incomplete-stale' | 'quota' | 'watermark' | 'room'

export const gcReasons: readonly GcReason[] = [
  'expired',
  'incomplete-stale',
  'quota',
  'watermark',
  'room',
]

export interface GcVictim<T extends GcTask = GcTask> {
  readonly task: T
  readonly taskId: TaskId
  readonly reason: GcReason
  readonly standing: Standing
  /** What deleting it gives back. */
  readonly bytes: number
  readonly lastUsedAt: number
  /** The quota that it is over: `application:ml`. */
  readonly quota?: string
}

export interface GcInput<T extends GcTask = GcTask> {
  readonly tasks: Iterable<T>
  readonly freeBytes: number
  readonly policy: GcPolicy
  readonly now: number
  /**
   * Somebody waits for this many bytes: victims are chosen only until these are free, whatever quotas and watermarks say.
   * Absent = a regular run.
   */
  readonly roomBytes?: number
  /** Not this one: it is what the room is for. */
  readonly sparing?: TaskId | undefined
}

export interface GcPlan<T extends GcTask = GcTask> {
  readonly victims: readonly GcVictim<T>[]
  /** Tasks looked at. */
  readonly taskCount: number
  readonly ownBytes: number
  readonly freeBytes: number
  /** What counts as 100 %. */
  readonly capacityBytes: number
  readonly freedBytes: number
  /** What ought to be freed beyond that, but is pinned, in use, persistent or not there. */
  readonly shortBytes: number
}

export function planGc<T extends GcTask>(input: GcInput<T>): GcPlan<T> {
  const steps = planSteps(input)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Tasks looked at between two `yield`s: well below a millisecond. */
const tasksPerStep = 256

interface Candidate<T extends GcTask> {
  readonly task: T
  readonly standing: Standing
  readonly bytes: number
  readonly lastUsedAt: number
}

const rank = { expired: 0, 'incomplete-stale': 1, evictable: 2 } as const satisfies Record<
  Standing,
  number
>

/** The same in steps, between which the caller may do other things; tasks may change and go meanwhile. */
export function* planSteps<T extends GcTask>(
  input: GcInput<T>,
): Generator<undefined, GcPlan<T>, undefined> {
  const { policy, freeBytes, roomBytes } = input
  const usage = new QuotaUsage(roomBytes === undefined ? policy.quotas : [])
  const candidates = new Heap<Candidate<T>>(goesFirst)
  let taskCount = 0
  let ownBytes = 0
  for (const task of input.tasks) {
    const bytes = task.heldBytes
    taskCount += 1
    ownBytes += bytes
    usage.add(task.spec, bytes)
    const standing = standingOf(task, policy, input.now)
    if (standing !== undefined && task.spec.taskId !== input.sparing) {
      candidates.push({ task, standing, bytes, lastUsedAt: lastUsedAt(task) })
    }
    if (taskCount % tasksPerStep === 0) yield
  }
  const choice = new Choice<T>(usage)
  const capacityBytes = policy.quotaBytes ?? ownBytes + freeBytes
  let shortBytes: number
  if (roomBytes !== undefined) shortBytes = yield* chooseRoom(candidates, choice, roomBytes)
  else {
    yield* chooseOverdue(candidates, choice)
    const rest = yield* chooseOverQuota(candidates, choice)
    const targetBytes = watermarkTarget(policy, capacityBytes, ownBytes - choice.freedBytes)
    yield* chooseUntil(rest, choice, ownBytes - targetBytes)
    shortBytes = Math.max(0, ownBytes - targetBytes - choice.freedBytes, usage.excessBytes)
  }
  const { victims, freedBytes } = choice
  return { victims, taskCount, ownBytes, freeBytes, capacityBytes, freedBytes, shortBytes }
}

function goesFirst(a: Candidate<GcTask>, b: Candidate<GcTask>): boolean {
  if (a.standing !== b.standing) return rank[a.standing] < rank[b.standing]
  if (a.lastUsedAt !== b.lastUsedAt) return a.lastUsedAt < b.lastUsedAt
  return a.task.spec.taskId < b.task.spec.taskId
}

/** How many of our bytes may stay. */
function watermarkTarget(policy: GcPolicy, capacityBytes: number, ownBytes: number): number {
  const isHigh = ownBytes >= (capacityBytes * policy.highPercent) / 100
  return isHigh ? (capacityBytes * policy.lowPercent) / 100 : Number.POSITIVE_INFINITY
}

function* chooseOverdue<T extends GcTask>(
  candidates: Heap<Candidate<T>>,
  choice: Choice<T>,
): Generator<undefined, void, undefined> {
  for (let next = candidates.first; next !== undefined; next = candidates.first) {
    if (next.standing === 'evictable') return
    candidates.pop()
    choice.add(next, next.standing)
    if (choice.victims.length % tasksPerStep === 0) yield
  }
}

/** Takes from those who hold too much; gives what may still have to go, the longest unused first. */
function* chooseOverQuota<T extends GcTask>(
  candidates: Heap<Candidate<T>>,
  choice: Choice<T>,
): Generator<undefined, Iterable<Candidate<T>>, undefined> {
  const passedOver: Candidate<T>[] = []
  for (let looked = 1; choice.usage.excessBytes > 0; looked++) {
    const next = candidates.pop()
    if (next === undefined) break
    const quota = next.bytes === 0 ? undefined : choice.usage.exceededBy(next.task.spec)
    if (quota === undefined) passedOver.push(next)
    else choice.add(next, 'quota', quota)
    if (looked % tasksPerStep === 0) yield
  }
  return inTurn(passedOver, candidates)
}

function* inTurn<T>(first: readonly T[], then: Heap<T>): Generator<T, void, undefined> {
  yield* first
  for (let next = then.pop(); next !== undefined; next = then.pop()) yield next
}

function* chooseUntil<T extends GcTask>(
  rest: Iterable<Candidate<T>>,
  choice: Choice<T>,
  wantedBytes: number,
): Generator<undefined, void, undefined> {
  let looked = 0
  if (choice.freedBytes >= wantedBytes) return
  for (const next of rest) {
    if (next.bytes > 0) choice.add(next, 'watermark')
    if (choice.freedBytes >= wantedBytes) return
    looked += 1
    if (looked % tasksPerStep === 0) yield
  }
}

/** The overdue go first here, too, but no more of them than needed: a download waits. Returns what is missing. */
function* chooseRoom<T extends GcTask>(
  candidates: Heap<Candidate<T>>,
  choice: Choice<T>,
  roomBytes: number,
): Generator<undefined, number, undefined> {
  for (let looked = 1; choice.freedBytes < roomBytes; looked++) {
    const next = candidates.pop()
    if (next === undefined) return roomBytes - choice.freedBytes
    if (next.bytes > 0) choice.add(next, next.standing === 'evictable' ? 'room' : next.standing)
    if (looked % tasksPerStep === 0) yield
  }
  return 0
}

/** The victims so far and what they give back. */
class Choice<T extends GcTask> {
  readonly victims: GcVictim<T>[] = []
  readonly usage: QuotaUsage
  freedBytes = 0

  constructor(usage: QuotaUsage) {
    this.usage = usage
  }

  add(candidate: Candidate<T>, reason: GcReason, quota?: string): void {
    const { task, bytes } = candidate
    const victim: GcVictim<T> = { ...candidate, taskId: task.spec.taskId, reason }
    this.victims.push(quota === undefined ? victim : { ...victim, quota })
    this.freedBytes += bytes
    this.usage.remove(task.spec, bytes)
  }
}
