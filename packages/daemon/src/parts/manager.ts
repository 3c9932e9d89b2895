import { repeatingTask, type ServiceStack } from '@damselfly/core'
import type { Followings } from '../announce/followings.ts'
import type { HostAnnouncer } from '../announce/host-announcer.ts'
import type { HostIdentity } from '../announce/host-identity.ts'
import { ManagerSchedulers } from '../announce/manager-schedulers.ts'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DaemonConfig } from '../config.ts'
import type { World } from './world.ts'

/**
 * With a manager configured, its schedulers replace the configured ones, now and at each refresh. A manager that is away
 * changes nothing: the last known schedulers stay.
 */
export async function followManager(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  parts: {
    identity: HostIdentity
    schedulers: SchedulerPool
    announcer: HostAnnouncer
    followings: Followings
  },
): Promise<void> {
  const { addr } = config.manager
  if (addr === undefined) return
  const { identity, schedulers, announcer, followings } = parts
  const manager = new ManagerSchedulers(
    { managerUrl: addr, identity, config, version: world.version },
    world.log,
  )
  stack.push('manager session', () => manager.close())
  const refresh = async (signal: AbortSignal): Promise<boolean> => {
    const addresses = await manager.list(signal)
    if (addresses.length > 0) return schedulers.update(addresses)
    world.log.warn({ manager: addr }, 'the manager names no healthy scheduler')
    return false
  }
  try {
    await refresh(new AbortController().signal)
  } catch (err) {
    world.log.warn({ manager: addr, err }, 'the manager does not answer')
  }
  const loop = repeatingTask(
    async (signal) => {
      if (!(await refresh(signal))) return
      await announcer.announceToAll(signal)
      followings.sync()
    },
    { name: 'ask the manager', intervalMs: config.dynconfig.refreshInterval },
    world,
  )
  stack.push('manager refresh', () => loop.stop())
}
