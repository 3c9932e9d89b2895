import type { HostId, PeerId, Random, TaskId } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'
import { HostTable } from './columns/host-table.ts'
import { PARENT_SLOTS, PeerTable } from './columns/peer-table.ts'
import { DecisionLog } from './decision-log.ts'
import { DecisionView } from './decision-view.ts'
import { createDigests, type Digests } from './digests.ts'
import type { SchedulerEffect } from './effects.ts'
import type { SchedulerCoreOptions } from './options.ts'
import type { Host, Lease, Peer, Task } from './resources.ts'
import type { ArmChooser } from './swarm-arm.ts'

export interface SchedulerCoreDeps {
  policy: ParentPolicy
  random: Random
  /** Absent = no swarm takes part in an experiment. */
  chooseArm?: ArmChooser
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
  readonly hostTable: HostTable
  readonly peerTable: PeerTable
  /** What the policy sees, and where it writes its answer. */
  readonly view: DecisionView
  readonly chosen: Int32Array
  readonly decisions: DecisionLog
  /** How long those had waited who were answered in this event, milliseconds. */
  readonly waitedMs: number[]
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
  lastTaskNumber: number
  /** Until then nobody is sent to the origin; see `inventoryAnnounced`. */
  learningUntil: number
  /** The time of the first event. */
  startedAt: number | undefined
  nextPeerGcAt: number
  nextTaskGcAt: number
}

export function createCoreState(
  options: SchedulerCoreOptions,
  { policy, random, chooseArm }: SchedulerCoreDeps,
): CoreState {
  const hostTable = new HostTable()
  const peerTable = new PeerTable(hostTable)
  const state: Omit<CoreState, 'view'> & { view?: DecisionView } = {
    options,
    policy,
    random,
    ...(chooseArm === undefined ? {} : { chooseArm }),
    now: 0,
    effects: [],
    hostTable,
    peerTable,
    decisions: new DecisionLog(peerTable),
    waitedMs: [],
    chosen: new Int32Array(PARENT_SLOTS),
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
    lastTaskNumber: 0,
    learningUntil: 0,
    startedAt: undefined,
    nextPeerGcAt: 0,
    nextTaskGcAt: 0,
  }
  return Object.assign(state, { view: new DecisionView(state) })
}

export function nextId(state: CoreState): number {
  state.lastId += 1
  return state.lastId
}
