import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  type ListLocalTasksResponse,
  ListLocalTasksResponseSchema,
  type StatLocalTaskResponse,
  StatLocalTaskResponseSchema,
} from '@damselfly/api/dfdaemon'
import { asTaskId, DfError } from '@damselfly/core'
import type { LiveTask } from '../download/live-task.ts'
import type { DaemonContext } from './context.ts'

export function statLocalTask(
  taskId: string,
  { tasks, metrics }: DaemonContext,
): StatLocalTaskResponse {
  metrics.statLocalTasks.inc({ type: '0' })
  const live = tasks.get(asTaskId(taskId))
  if (live === undefined) throw unknownTask(taskId)
  return describe(live)
}

export function listLocalTasks({ tasks, metrics }: DaemonContext): ListLocalTasksResponse {
  metrics.listLocalTasks.inc({ type: '0' })
  return create(ListLocalTasksResponseSchema, { tasks: tasks.list().map(describe) })
}

/** Removes the task's bytes; those who read it at the moment finish first. */
export async function deleteLocalTask(
  taskId: string,
  { tasks, metrics }: DaemonContext,
): Promise<void> {
  metrics.deleteTasks.inc({ type: '0' })
  const id = asTaskId(taskId)
  if (tasks.get(id) === undefined) {
    metrics.deleteTaskFailures.inc({ type: '0' })
    throw unknownTask(taskId)
  }
  await tasks.discard(id)
}

/** Removes the task here and tells its scheduler. */
export async function deleteTask(taskId: string, context: DaemonContext): Promise<void> {
  context.metrics.deleteTasks.inc({ type: '0' })
  const id = asTaskId(taskId)
  if (context.tasks.get(id) === undefined) {
    context.metrics.deleteTaskFailures.inc({ type: '0' })
    throw unknownTask(taskId)
  }
  await context.forgetTask(id)
}

function describe({ stored, taskId }: LiveTask): StatLocalTaskResponse {
  const { spec, createdAt, updatedAt, isComplete } = stored
  return create(StatLocalTaskResponseSchema, {
    taskId,
    pieceLength: BigInt(spec.pieceLength),
    contentLength: BigInt(spec.contentLength),
    responseHeader: { ...spec.responseHeader },
    createdAt: timestampFromMs(createdAt),
    updatedAt: timestampFromMs(updatedAt),
    ...(isComplete ? { finishedAt: timestampFromMs(updatedAt) } : {}),
  })
}

function unknownTask(taskId: string): DfError {
  return new DfError('TaskNotFound', `This host does not have task ${taskId}.`)
}
