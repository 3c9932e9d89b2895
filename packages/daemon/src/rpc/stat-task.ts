import type { Task } from '@damselfly/api/common'
import { asTaskId, DfError } from '@damselfly/core'
import type { DaemonContext } from './context.ts'

/** StatTask: what the task's scheduler knows of it. */
export async function statTask(
  taskId: string,
  { schedulers, host, metrics }: DaemonContext,
  signal: AbortSignal,
): Promise<Task> {
  metrics.statTasks.inc({ type: '0' })
  const [link] = schedulers.candidates(asTaskId(taskId))
  if (link === undefined) {
    throw new DfError(
      'SchedulerUnavailable',
      'This daemon has no scheduler, so it knows of no other host.',
    )
  }
  try {
    return await link.scheduler.statTask({ hostId: host.id, taskId }, { signal })
  } catch (error) {
    metrics.statTaskFailures.inc({ type: '0' })
    throw error
  }
}
