import type { Swarm } from '@damselfly/api/swarm'
import { asTaskId, DfError } from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { Driver } from '../driver.ts'

/** More peers of one swarm are not told. */
const MAX_PEERS = 1000

export function dumpSwarm({ core }: Driver): ServiceImpl<typeof Swarm>['dumpSwarm'] {
  return ({ taskId }) => {
    const swarm = core.dumpSwarm(asTaskId(taskId), MAX_PEERS)
    if (swarm === undefined) {
      throw new DfError('TaskNotFound', `This scheduler knows no task ${taskId}.`)
    }
    return { json: JSON.stringify(swarm) }
  }
}
