import type { HostId, PeerId, Random, TaskId } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'
import { createDigests, type Digests } from './digests.ts'
import type { SchedulerEffect } from './effects.ts'
import type { SchedulerCoreOptions } from './options.ts'
import type { Host, Lease, Peer, Task } from './resources.ts'

export interface SchedulerCoreDeps {
  policy: ParentPolicy
  random: Random
}

/** What the core could not use; a number that grows says that some peer speaks another dialect. */
export interface CoreCounters {
  /** Messages that did not fit the peer's state. */
  invalidTransitions: number
  /** Messages about peers that are not known, or on streams that are over. */
  strayMessages: number
}

/** Everything the scheduler knows. Only the functions of this folder change it, within one `apply`. */
export interface CoreState extends SchedulerCoreDeps {
  readonly options: SchedulerCoreOptions
  /** The time of the event being applied, milliseconds since the Unix epoch. */
  now: number
  effects: SchedulerEffect[]
  readonly hosts: Map<HostId, Host>
  readonly tasks: Map<TaskId, Task>
  readonly peers: Map<PeerId, Peer>
  readonly seedHosts: Set<Host>
  /** Leases whose holder has not shown life yet. */
  readonly unstarted: Set<Lease>
  /** Calls to seeds that are open, and what for. */
  readonly triggers: Map<number, Lease>
  /** Tasks that have waiting peers. */
  readonly waitingTasks: Set<Task>
  /** Tasks whose waiting peers have to be looked at before the event is done. */
  readonly dirty: Set<Task>
  readonly digests: Digests
  readonly counters: CoreCounters
  lastId: number
  nextPeerGcAt: number
  nextTaskGcAt: number
}

export function createCoreState(
  options: SchedulerCoreOptions,
  { policy, random }: SchedulerCoreDeps,
): CoreState {
  return {
    options,
    policy,
    random,
    now: 0,
    effects: [],
    hosts: new Map(),
    tasks: new Map(),
    peers: new Map(),
    seedHosts: new Set(),
    unstarted: new Set(),
    triggers: new Map(),
    waitingTasks: new Set(),
    dirty: new Set(),
    digests: createDigests(),
    counters: { invalidTransitions: 0, strayMessages: 0 },
    lastId: 0,
    nextPeerGcAt: 0,
    nextTaskGcAt: 0,
  }
}

export function nextId(state: CoreState): number {
  state.lastId += 1
  return state.lastId
}
