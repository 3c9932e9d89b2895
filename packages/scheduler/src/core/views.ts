import type { PeerId, TaskId } from '@damselfly/core'
import type { DownloadFacts, HostFacts } from './facts.ts'
import type { PeerState } from './peer-state.ts'
import type { Peer, PieceFacts, Task } from './resources.ts'

/** A task as others may see it. */
export interface TaskView {
  readonly id: TaskId
  readonly facts: DownloadFacts
  readonly contentLength: number | undefined
  readonly pieceLength: number | undefined
  readonly pieceCount: number | undefined
  readonly state: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly peerCount: number
  readonly hasAvailablePeer: boolean
  /** The arm of an experiment that the swarm is in. */
  readonly arm?: string
  /** What those who took pieces from the origin said about them. */
  readonly pieces: ReadonlyMap<number, PieceFacts>
  readonly createdAt: number
  readonly updatedAt: number
}

/** A peer as others may see it. */
export interface PeerView {
  readonly id: PeerId
  readonly facts: DownloadFacts
  readonly state: PeerState
  readonly host: HostFacts
  readonly task: TaskView
  readonly finishedPieces: number
  readonly createdAt: number
  readonly updatedAt: number
}

export function viewTask(task: Task): TaskView {
  return {
    id: task.id,
    facts: task.facts,
    contentLength: task.geometry?.contentLength,
    pieceLength: task.geometry?.pieceLength,
    pieceCount: task.geometry?.pieceCount,
    state: stateOf(task),
    peerCount: task.members.size,
    hasAvailablePeer: task.holders.size + task.expecting.size > 0,
    ...(task.arm === undefined ? {} : { arm: task.arm.name }),
    pieces: task.pieces,
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
  }
}

/** Like Dragonfly's task states, but computed: a whole copy somewhere means Succeeded. */
function stateOf(task: Task): TaskView['state'] {
  if (task.wholeCopies > 0) return 'Succeeded'
  if (task.members.size === 0) return 'Pending'
  const isAlive = task.holders.size + task.expecting.size + task.waiting.size + task.leases.size > 0
  return isAlive ? 'Running' : 'Failed'
}

export function viewPeer(peer: Peer, task = viewTask(peer.task)): PeerView {
  return {
    id: peer.id,
    facts: peer.facts,
    state: peer.state,
    host: peer.host.facts,
    task,
    finishedPieces: peer.heldCount,
    createdAt: peer.createdAt,
    updatedAt: peer.updatedAt,
  }
}
