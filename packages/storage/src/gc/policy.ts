import type { TaskId } from '@damselfly/core'

/** What garbage collection knows of a task. Every `StoredTask` is one; so is a plain object in a test. */
export interface GcTask {
  readonly spec: GcTaskSpec
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly createdAt: number
  /** When a piece came or was served last. */
  readonly updatedAt: number
  /** Bytes of the pieces that are here, which is what deleting gives back. */
  readonly heldBytes: number
  readonly isComplete: boolean
  readonly isPinned: boolean
  /** Somebody reads or receives it now. */
  readonly isInUse: boolean
  /** The end that whoever brought it in gave it. */
  readonly expiresAt?: number | undefined
  /** `persistent` or `persistent-cache`: data that somebody put here. Anything else: a copy of what an origin has. */
  readonly policy?: string
}

export interface GcTaskSpec {
  readonly taskId: TaskId
  readonly application: string
  readonly tag: string
}

export interface GcPolicy {
  /** A standard task unused for this long goes. 0 = it may stay. */
  readonly taskTtlMs: number
  /** Age at which a persistent task goes that has no end of its own. 0 = it stays. */
  readonly persistentTtlMs: number
  readonly persistentCacheTtlMs: number
  /** An incomplete task that got nothing and gave nothing for this long goes. 0 = it is treated like a complete one. */
  readonly incompleteTtlMs: number
  /** Until then somebody may come back to an incomplete task, and nothing takes it away. */
  readonly incompleteMinIdleMs: number
  /** Bytes that the store may hold in all. Absent = what the disk gives. */
  readonly quotaBytes?: number | undefined
  /** At this much of the capacity eviction begins ... */
  readonly highPercent: number
  /** ... and down to this much it goes. */
  readonly lowPercent: number
  readonly quotas: readonly GcQuota[]
}

/** A limit on the bytes of tasks that have something in common: an application, a tag, a tenant. */
export interface GcQuota {
  /** For reports: `application`. */
  readonly name: string
  /** Whom the task's bytes are charged to; `undefined` = nobody under this quota. */
  keyOf(spec: GcTaskSpec): string | undefined
  /** Bytes that `key` may hold; `undefined` = no limit. */
  limitOf(key: string): number | undefined
}

/**
 * - `expired`: its time is over; it goes although there is room.
 * - `incomplete-stale`: a download that nobody came back to.
 * - `evictable`: it goes when its bytes are needed, the longest unused first.
 */
export type Standing = 'expired' | 'incomplete-stale' | 'evictable'

export const lastUsedAt = (task: GcTask): number => Math.max(task.createdAt, task.updatedAt)

/** What may become of a task now; `undefined` = nothing may take it away. */
export function standingOf(task: GcTask, policy: GcPolicy, now: number): Standing | undefined {
  if (task.isPinned || task.isInUse) return undefined
  const { expiresAt } = task
  if (expiresAt !== undefined && expiresAt <= now) return 'expired'
  const ageLimitMs = persistentTtlMs(task, policy)
  if (ageLimitMs !== undefined) {
    // There may be no origin to get it back from: need of room is no reason, only the end that somebody set.
    const isOver = expiresAt === undefined && ageLimitMs > 0 && now - task.createdAt >= ageLimitMs
    return isOver ? 'expired' : undefined
  }
  const idleMs = now - lastUsedAt(task)
  if (!task.isComplete && idleMs < policy.incompleteMinIdleMs) return undefined
  if (policy.taskTtlMs > 0 && idleMs >= policy.taskTtlMs) return 'expired'
  const { incompleteTtlMs } = policy
  if (!task.isComplete && incompleteTtlMs > 0 && idleMs >= incompleteTtlMs)
    return 'incomplete-stale'
  return 'evictable'
}

/** `undefined` for a task that is not persistent. */
function persistentTtlMs(task: GcTask, policy: GcPolicy): number | undefined {
  if (task.policy === 'persistent') return policy.persistentTtlMs
  return task.policy === 'persistent-cache' ? policy.persistentCacheTtlMs : undefined
}
