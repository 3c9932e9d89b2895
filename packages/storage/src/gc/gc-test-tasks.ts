import { asTaskId, type TaskId } from '@damselfly/core'
import type { GcPolicy, GcTask } from './policy.ts'

/** A task for tests of decisions; any part can be given. */
export interface TestTask extends GcTask {
  updatedAt: number
  isPinned: boolean
  isInUse: boolean
  expiresAt?: number | undefined
}

export type TestTaskParts = Partial<Omit<TestTask, 'spec'>> & {
  readonly application?: string
  readonly tag?: string
}

export const dayMs = 86_400_000

export function testTask(id: string | TaskId, parts: TestTaskParts = {}): TestTask {
  const { application = '', tag = '', ...facts } = parts
  return {
    spec: { taskId: asTaskId(id), application, tag },
    createdAt: 0,
    updatedAt: 0,
    heldBytes: 100,
    isComplete: true,
    isPinned: false,
    isInUse: false,
    ...facts,
  }
}

/** Nothing goes for its age, eviction from 80 to 60 %. */
export function testPolicy(parts: Partial<GcPolicy> = {}): GcPolicy {
  return {
    taskTtlMs: 0,
    persistentTtlMs: 0,
    persistentCacheTtlMs: 0,
    incompleteTtlMs: 0,
    incompleteMinIdleMs: 0,
    highPercent: 80,
    lowPercent: 60,
    quotas: [],
    ...parts,
  }
}
