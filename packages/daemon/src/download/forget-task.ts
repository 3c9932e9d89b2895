import type { Log, TaskId } from '@damselfly/core'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { LiveTasks } from './live-tasks.ts'

export interface TellGoneDeps {
  readonly schedulers: SchedulerPool
  readonly hostId: string
  readonly log: Log
}

/** Removes a task from this host and from the scheduler's list of who holds it. An absent scheduler is no error. */
export async function forgetTask(
  taskId: TaskId,
  { tasks, ...deps }: TellGoneDeps & { tasks: LiveTasks },
): Promise<void> {
  await tasks.discard(taskId)
  await tellGone(taskId, deps)
}

/** Tells the scheduler that this host has the task no more. */
export async function tellGone(
  taskId: TaskId,
  { schedulers, hostId, log }: TellGoneDeps,
  signal?: AbortSignal,
): Promise<void> {
  const [link] = schedulers.candidates(taskId)
  try {
    await link?.scheduler.deleteTask({ hostId, taskId }, signal === undefined ? {} : { signal })
  } catch (err) {
    log.warn({ taskId, err }, 'the scheduler was not told that the task is gone')
  }
}
