import { DfError } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { cancelLease } from './leases.ts'
import type { Task } from './resources.ts'
import { membersOf } from './swarm.ts'
import { removePeer } from './tables.ts'

/**
 * The content has changed at the origin. Whoever holds or awaits the old one leaves, so that nobody gets pieces of
 * both. The hosts come back by registering.
 */
export function retireTask(state: CoreState, task: Task): void {
  for (const lease of [...task.leases]) cancelLease(state, lease)
  for (const peer of membersOf(state, task)) removePeer(state, peer, contentChanged())
  task.geometry = undefined
  task.validators = undefined
  task.isMixed = false
  task.pieces.clear()
  task.refusals = []
}

export const contentChanged = (): DfError =>
  new DfError(
    'SourceChanged',
    'The content changed at the origin while it was being downloaded; start again.',
  )
