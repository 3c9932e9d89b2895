import type { AnnounceHostRequest } from '@damselfly/api/scheduler'
import { DfError } from '@damselfly/core'
import type { Driver } from '../driver.ts'
import { toHostFacts } from './mapping.ts'

/** A daemon says that it is there; every interval again, or it is forgotten. */
export function announceHost(driver: Driver) {
  return (request: AnnounceHostRequest) => {
    const { host } = request
    const labels = {
      os: host?.os ?? '',
      platform: host?.platform ?? '',
      platform_family: host?.platformFamily ?? '',
      platform_version: host?.platformVersion ?? '',
      kernel_version: host?.kernelVersion ?? '',
      git_version: host?.build?.gitVersion ?? '',
      git_commit: host?.build?.gitCommit ?? '',
      go_version: host?.build?.goVersion ?? '',
      build_platform: host?.build?.platform ?? '',
    }
    driver.metrics.announceHost.total.inc(labels)
    try {
      const facts = toHostFacts(request)
      const isNew = driver.core.host(facts.id) === undefined
      driver.apply({ type: 'hostAnnounced', host: facts })
      if (driver.core.host(facts.id) === undefined) {
        throw new DfError('Overloaded', 'The scheduler has no room for another host.')
      }
      if (isNew) driver.log.info({ hostId: facts.id, type: facts.type }, 'host announced')
      return {}
    } catch (error) {
      driver.metrics.announceHost.failures.inc(labels)
      throw error
    }
  }
}
