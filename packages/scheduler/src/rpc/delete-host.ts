import type { DeleteHostRequest } from '@damselfly/api/scheduler'
import { asHostId } from '@damselfly/core'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'

/** A daemon leaves. Fine for one that is not known: it may have been forgotten meanwhile. */
export function deleteHost(driver: Driver) {
  return counted(driver, 'leave_host', (request: DeleteHostRequest) => {
    const hostId = asHostId(request.hostId)
    driver.apply({ type: 'hostDeleted', hostId })
    driver.log.info({ hostId }, 'host left')
    return {}
  })
}
