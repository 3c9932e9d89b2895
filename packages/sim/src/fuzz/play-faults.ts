import type { Clock } from '@damselfly/core'
import type { Trace } from '../virtual/trace.ts'
import type { VirtualNetwork } from '../virtual/virtual-network.ts'
import type { VirtualOrigin } from '../virtual/virtual-origin.ts'
import type { Cluster } from './cluster.ts'
import type { Fault, Scenario } from './scenario.ts'

export interface FaultDeps {
  readonly clock: Clock
  readonly cluster: Cluster
  readonly network: VirtualNetwork
  readonly origin: VirtualOrigin
  readonly trace: Trace
}

/** Lets each fault begin and end at its time. */
export function playFaults({ faults, hosts }: Scenario, deps: FaultDeps): void {
  for (const fault of faults) {
    deps.clock.schedule(fault.atMs, () => beginFault(fault, deps))
    deps.clock.schedule(fault.endMs, () => {
      deps.trace.note('healed', '', '', describe(fault))
      endFault(fault, { ...deps, hosts })
    })
  }
}

/** A fault in a few words. */
export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `${fault.host} killed (${fault.how})`
    case 'restart':
      return `${fault.host} restarts`
    case 'cut':
      return `cut between ${fault.from.join(' ')} | ${fault.to.join(' ')}`
    case 'slow':
      return `${fault.from} - ${fault.to} slower x ${fault.factor}`
    case 'break':
      return `connections broken between ${fault.from} and ${fault.to}`
    case 'flip':
      return `${fault.host} sends wrong bits, ${fault.chance * 100} %`
    case 'origin':
      return `origin: ${fault.fault} ${fault.path}`
    case 'change':
      return `origin: ${fault.path} changes`
  }
}

function beginFault(fault: Fault, { cluster, network, origin, trace }: FaultDeps): void {
  trace.note('fault', '', '', describe(fault))
  switch (fault.kind) {
    case 'kill':
      cluster.kill(fault.host, fault.how)
      break
    case 'restart':
      cluster.shutDown(fault.host)
      break
    case 'cut':
      for (const a of fault.from) for (const b of fault.to) network.cut(a, b)
      break
    case 'slow':
      network.slow(fault.from, fault.to, fault.factor)
      break
    case 'break':
      network.breakConnections(fault.from, fault.to)
      break
    case 'flip':
      network.flip(fault.host, fault.chance)
      break
    case 'origin':
      origin.fail(fault.path, fault.fault)
      break
    case 'change':
      origin.change(fault.path)
      break
  }
}

function endFault(
  fault: Fault,
  { cluster, network, origin, hosts }: FaultDeps & Pick<Scenario, 'hosts'>,
): void {
  switch (fault.kind) {
    case 'kill':
    case 'restart': {
      const plan = hosts.find(({ address }) => address === fault.host)
      if (plan !== undefined) cluster.startAgain(plan)
      break
    }
    case 'cut':
      for (const a of fault.from) for (const b of fault.to) network.heal(a, b)
      break
    case 'slow':
      network.slow(fault.from, fault.to, 1)
      break
    case 'flip':
      network.flip(fault.host, 0)
      break
    case 'origin':
      origin.fail(fault.path, undefined)
      break
    case 'break':
    case 'change':
      break
  }
}
