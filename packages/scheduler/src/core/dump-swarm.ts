import type { CoreState } from './core-state.ts'
import { policyOf } from './decision-view.ts'
import type { Peer, Task } from './resources.ts'
import { membersOf } from './swarm.ts'
import { minCopies, usefulParentRatio } from './swarm-condition.ts'

const MAX_DECISIONS = 100
/** More is not counted at once: everything else waits meanwhile. */
const MAX_COUNTED_PIECES = 4_000_000

/** One line for each swarm, the largest first. */
export function listSwarms(state: CoreState, max: number) {
  const tasks = [...state.tasks.values()].sort((a, b) => b.members.size - a.members.size)
  return tasks.slice(0, max).map((task) => summaryOf(task))
}

export type SwarmDump = ReturnType<typeof dumpSwarm>

/** Everything about one swarm that a person may want to see: columns, edges, the last decisions. Plain data. */
export function dumpSwarm(state: CoreState, task: Task, maxPeers: number) {
  const members = membersOf(state, task)
  return {
    ...summaryOf(task),
    pieceLength: task.geometry?.pieceLength,
    contentLength: task.geometry?.contentLength,
    createdAt: task.createdAt,
    bytes: task.bytes,
    minCopies: minCopies(task, members, MAX_COUNTED_PIECES),
    usefulParentRatio: usefulParentRatio(members),
    leases: [...task.leases].map(({ host, interval, isSeed, isStarted, peer }) => ({
      host: host.facts.id,
      peer: peer?.id,
      interval,
      isSeed,
      isStarted,
    })),
    originOrders: task.originOrders,
    policy: policyOf(state, task).name,
    peers: members.slice(0, maxPeers).map(peerRow),
    omittedPeers: Math.max(0, members.length - maxPeers),
    decisions: state.decisions.ofTask(task.number, MAX_DECISIONS),
  }
}

const summaryOf = (task: Task) => ({
  taskId: task.id,
  arm: task.arm?.name,
  peers: task.members.size,
  holders: task.holders.size,
  expecting: task.expecting.size,
  waiting: task.waiting.size,
  wholeCopies: task.wholeCopies,
  pieceCount: task.geometry?.pieceCount,
})

const peerRow = (peer: Peer) => ({
  id: peer.id,
  host: peer.host.facts.id,
  state: peer.state,
  isWaiting: peer.isWaiting,
  isSeed: peer.host.facts.type !== 0,
  have: peer.heldCount,
  wanted: peer.wanted,
  rate: peer.rate,
  children: peer.childCount,
  parents: peer.parents.map(({ id }) => id),
  hostLoad: peer.host.childCount,
  failures: peer.host.failures,
  slowness: peer.host.slowness,
})
