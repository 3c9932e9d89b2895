import type { DeleteTaskRequest } from '@damselfly/api/scheduler'
import { asHostId, asTaskId, DfError } from '@damselfly/core'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'

/** A host no longer has the task. */
export function deleteTask(driver: Driver) {
  return counted(driver, 'leave_task', (request: DeleteTaskRequest) => {
    const hostId = asHostId(request.hostId)
    if (driver.core.host(hostId) === undefined) {
      throw new DfError('HostNotFound', `The host ${hostId} has not announced itself.`)
    }
    driver.apply({ type: 'taskDeleted', hostId, taskId: asTaskId(request.taskId) })
    return {}
  })
}
