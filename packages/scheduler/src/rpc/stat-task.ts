import type { StatTaskRequest } from '@damselfly/api/scheduler'
import { asTaskId, DfError } from '@damselfly/core'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'
import { fromTask } from './mapping.ts'

export function statTask(driver: Driver) {
  return counted(driver, 'stat_task', (request: StatTaskRequest) => {
    const taskId = asTaskId(request.taskId)
    const task = driver.core.statTask(taskId)
    if (task === undefined) throw new DfError('TaskNotFound', `The task ${taskId} is not known.`)
    return fromTask(task)
  })
}
