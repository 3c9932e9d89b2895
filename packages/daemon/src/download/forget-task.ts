import type { Log, TaskId } from '@damselfly/core'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { LiveTasks } from './live-tasks.ts'

/** Removes a task from this host and from the scheduler's list of who holds it. An absent scheduler is no error. */
export async function forgetTask(
  taskId: TaskId,
  deps: { tasks: LiveTasks; schedulers: SchedulerPool; hostId: string; log: Log },
): Promise<void> {
  await deps.tasks.discard(taskId)
  const [link] = deps.schedulers.candidates(taskId)
  try {
    await link?.scheduler.deleteTask({ hostId: deps.hostId, taskId })
  } catch (err) {
    deps.log.warn({ taskId, err }, 'the scheduler was not told that the task is gone')
  }
}
