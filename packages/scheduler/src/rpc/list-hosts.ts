import type { ListHostsRequest } from '@damselfly/api/scheduler'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'
import { fromHost } from './mapping.ts'

export function listHosts(driver: Driver) {
  return counted(driver, 'list_hosts', ({ type }: ListHostsRequest) => {
    const hosts = driver.core.listHosts()
    const asked = type === undefined ? hosts : hosts.filter((host) => host.type === type)
    return { hosts: asked.map(fromHost) }
  })
}
