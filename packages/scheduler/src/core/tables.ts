import { DfError, piecesOverlapping } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import type { PeerEvent } from './events.ts'
import type { DownloadFacts, HostFacts } from './facts.ts'
import { cancelLease, endLease } from './leases.ts'
import { PieceSet } from './piece-set.ts'
import type { Host, Peer, Task } from './resources.ts'
import {
  dropChildren,
  refreshUsable,
  sameGeometry,
  setParents,
  setWaiting,
  transition,
} from './swarm.ts'

export type Registration = Extract<PeerEvent, { type: 'peerRegistered' }>

/** Adds the host or takes over what it announces now. */
export function upsertHost(state: CoreState, facts: HostFacts): void {
  const known = state.hosts.get(facts.id)
  if (known === undefined && state.hosts.size >= state.options.maxHosts) return
  const host = known ?? createHost(facts)
  host.facts = facts
  host.announcedAt = state.now
  // A seed that announces itself is alive again.
  host.seedFailedUntil = 0
  state.hosts.set(facts.id, host)
  if (facts.type === 0) state.seedHosts.delete(host)
  else state.seedHosts.add(host)
  for (const peer of host.peers) refreshUsable(state, peer)
}

function createHost(facts: HostFacts): Host {
  return {
    facts,
    announcedAt: 0,
    peers: new Set(),
    outDegree: 0,
    failures: 0,
    seedFailedUntil: 0,
  }
}

export function removeHost(state: CoreState, host: Host): void {
  for (const peer of [...host.peers]) {
    removePeer(state, peer, new DfError('HostNotFound', `The host ${host.facts.id} has left.`))
  }
  for (const lease of [...state.unstarted]) if (lease.host === host) cancelLease(state, lease)
  state.seedHosts.delete(host)
  state.hosts.delete(host.facts.id)
}

/** Throws when the registration's task or peer would be one too many. */
export function checkRoom({ tasks, peers, options }: CoreState, event: Registration): void {
  if (!tasks.has(event.taskId) && tasks.size >= options.maxTasks) {
    throw new DfError('Overloaded', `The scheduler already has ${tasks.size} tasks.`)
  }
  if (!peers.has(event.peerId) && peers.size >= options.maxPeers) {
    throw new DfError('Overloaded', `The scheduler already has ${peers.size} peers.`)
  }
}

export function upsertTask(state: CoreState, event: Registration): Task {
  const known = state.tasks.get(event.taskId)
  if (known !== undefined) {
    known.facts = event.download
    known.updatedAt = state.now
    return known
  }
  const task: Task = {
    id: event.taskId,
    facts: event.download,
    geometry: undefined,
    peers: new Set(),
    byHost: new Map(),
    seedPeers: new Set(),
    usable: [],
    waiting: new Set(),
    leases: new Set(),
    wholeCopies: 0,
    seedFailures: new Map(),
    refusals: [],
    pieces: new Map(),
    createdAt: state.now,
    updatedAt: state.now,
  }
  state.tasks.set(task.id, task)
  return task
}

export function createPeer(state: CoreState, event: Registration, host: Host, task: Task): Peer {
  const peer: Peer = {
    id: event.peerId,
    host,
    task,
    facts: event.download,
    geometry: undefined,
    wanted: { first: 0, end: 1 },
    state: 'Pending',
    isStreamOpen: false,
    isWaiting: false,
    have: PieceSet.empty(),
    parents: [],
    children: new Set(),
    blocked: new Map(),
    pieceFailures: new Map(),
    answers: 0,
    lease: undefined,
    sourceStatus: undefined,
    usableIndex: -1,
    createdAt: state.now,
    updatedAt: state.now,
    progressAt: state.now,
  }
  state.peers.set(peer.id, peer)
  host.peers.add(peer)
  task.peers.add(peer)
  if (host.facts.type !== 0) task.seedPeers.add(peer)
  const siblings = task.byHost.get(host) ?? new Set()
  siblings.add(peer)
  task.byHost.set(host, siblings)
  return peer
}

/** Takes over what the peer asks for; the pieces it holds stay unless the content is another one. */
export function describePeer(peer: Peer, facts: DownloadFacts, geometry: Peer['geometry']): void {
  const isSame = sameGeometry(peer.geometry, geometry)
  peer.facts = facts
  peer.geometry = geometry
  peer.wanted =
    geometry === undefined ? { first: 0, end: 1 } : piecesOverlapping(geometry, facts.range)
  if (!isSame) peer.have = PieceSet.empty()
}

/** The peer leaves. Its stream, when open, ends with `reason`. */
export function removePeer(state: CoreState, peer: Peer, reason: DfError): void {
  const { host, task } = peer
  if (peer.isStreamOpen) state.effects.push({ type: 'endStream', peerId: peer.id, error: reason })
  peer.isStreamOpen = false
  if (peer.lease !== undefined) endLease(state, peer.lease)
  setWaiting(state, peer, false)
  setParents(peer, [])
  dropChildren(state, peer)
  transition(state, peer, 'Leave')
  refreshUsable(state, peer)
  state.peers.delete(peer.id)
  host.peers.delete(peer)
  task.peers.delete(peer)
  task.seedPeers.delete(peer)
  const siblings = task.byHost.get(host)
  siblings?.delete(peer)
  if (siblings?.size === 0) task.byHost.delete(host)
}
