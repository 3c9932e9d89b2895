import type { TaskId } from '@damselfly/core'
import type { ClientParams, ParentPolicy } from '@damselfly/policy'

/** What is done differently in one swarm, from its birth to its end: one of the arms of an experiment. */
export interface SwarmArm {
  readonly name: string
  /** Absent = the policy of all others. */
  readonly policy?: ParentPolicy
  readonly client: Readonly<Partial<ClientParams>>
}

/** Asked once when a swarm is born. `undefined`: it takes part in no experiment. */
export type ArmChooser = (taskId: TaskId, bornAt: number) => SwarmArm | undefined
