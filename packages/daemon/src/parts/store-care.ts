import type { ServiceStack } from '@damselfly/core'
import type { PieceStore } from '@damselfly/storage'
import type { DaemonConfig } from '../config.ts'
import { type TellGoneDeps, tellGone } from '../download/forget-task.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { DaemonMetrics } from '../metrics.ts'
import { type StoreCare, startStoreCare } from '../store-care/start-store-care.ts'
import type { World } from './world.ts'

export interface StoreCareParts extends Omit<TellGoneDeps, 'log'> {
  readonly store: PieceStore
  readonly tasks: LiveTasks
  readonly metrics: DaemonMetrics
  /** Somebody downloads or is being sent something: the scrub can wait. */
  readonly isBusy: () => boolean
}

/** Starts garbage collection and scrub, and lets new tasks ask them for room. */
export function keepStore(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  parts: StoreCareParts,
): StoreCare {
  const { store, tasks, metrics, isBusy } = parts
  const care = startStoreCare(config.gc, {
    ...world,
    store,
    registry: metrics.registry,
    isBusy,
    remove: (taskId) => tasks.discard(taskId),
    tellGone: (taskId, signal) => tellGone(taskId, { ...parts, ...world }, signal),
  })
  stack.use('store care', care)
  tasks.onShort((bytes, sparing) => care.makeRoom(bytes, { sparing }))
  return care
}
