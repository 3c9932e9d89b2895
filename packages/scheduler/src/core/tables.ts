import { areSameValidators, DfError, piecesOverlapping } from '@damselfly/core'
import { SlotList } from './columns/slot-list.ts'
import type { CoreState } from './core-state.ts'
import type { PeerEvent } from './events.ts'
import type { DownloadFacts, HostFacts } from './facts.ts'
import { Host } from './host.ts'
import { cancelLease, endLease } from './leases.ts'
import { Peer } from './peer.ts'
import type { Task } from './resources.ts'
import { isSameValue } from './same-value.ts'
import {
  areOtherVersions,
  type Content,
  dropChildren,
  enterRack,
  leaveRack,
  refreshUsable,
  sameContent,
  sameGeometry,
  setWaiting,
  transition,
} from './swarm.ts'

export type Registration = Extract<PeerEvent, { type: 'peerRegistered' }>

/** Adds the host or takes over what it announces now. */
export function upsertHost(state: CoreState, facts: HostFacts): void {
  const known = state.hosts.get(facts.id)
  if (known === undefined && state.hosts.size >= state.options.maxHosts) return
  const host = known ?? new Host(state.hostTable, state.peerTable, facts)
  const peers = host.peers()
  for (const peer of peers) {
    countUplink(peer.task, host.facts, -1)
    countUplink(peer.task, facts, 1)
    if (peer.isUsable) leaveRack(state, peer)
  }
  host.describe(facts)
  host.announcedAt = state.now
  // A seed that announces itself is alive again.
  host.seedFailedUntil = 0
  state.hosts.set(facts.id, host)
  if (facts.type === 0) state.seedHosts.delete(host)
  else state.seedHosts.add(host)
  for (const peer of peers) {
    if (peer.isUsable) enterRack(state, peer)
    refreshUsable(state, peer)
  }
}

function countUplink({ uplinks }: Task, { maxTxBandwidth }: HostFacts, by: 1 | -1): void {
  if (maxTxBandwidth <= 0) return
  uplinks.sum += by * maxTxBandwidth
  uplinks.known += by
}

export function removeHost(state: CoreState, host: Host): void {
  for (const peer of host.peers()) {
    removePeer(state, peer, new DfError('HostNotFound', `The host ${host.facts.id} has left.`))
  }
  for (const lease of [...state.unstarted]) if (lease.host === host) cancelLease(state, lease)
  state.seedHosts.delete(host)
  state.hosts.delete(host.facts.id)
  host.leave()
  state.policy.observe?.({ type: 'hostLeft', host: host.slot })
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

/** False when the task or the peer would be one too many. */
export function hasRoom(
  { tasks, peers, options }: CoreState,
  { taskId, peerId }: Pick<Registration, 'taskId' | 'peerId'>,
): boolean {
  return (
    (tasks.has(taskId) || tasks.size < options.maxTasks) &&
    (peers.has(peerId) || peers.size < options.maxPeers)
  )
}

export function upsertTask(
  state: CoreState,
  event: Pick<Registration, 'taskId' | 'download'>,
): Task {
  const known = state.tasks.get(event.taskId)
  if (known !== undefined) {
    // Most peers of a task ask for it in the same words: then one copy of these is enough.
    if (!isSameValue(known.facts, event.download)) known.facts = event.download
    known.updatedAt = state.now
    return known
  }
  const task: Task = {
    id: event.taskId,
    number: nextTaskNumber(state),
    facts: event.download,
    geometry: undefined,
    validators: undefined,
    arm: state.chooseArm?.(event.taskId, state.now),
    isMixed: false,
    hasRanges: false,
    members: new SlotList(),
    holders: new SlotList(),
    expecting: new SlotList(),
    racks: undefined,
    seedPeers: new Set(),
    waiting: new Map(),
    leases: new Set(),
    wholeCopies: 0,
    wholeCopy: undefined,
    bytes: { origin: 0, seed: 0, near: 0, far: 0 },
    uplinks: { sum: 0, known: 0 },
    seedFailures: new Map(),
    refusals: [],
    originOrders: noOrders,
    pieces: new Map(),
    createdAt: state.now,
    updatedAt: state.now,
  }
  state.tasks.set(task.id, task)
  return task
}

const noOrders: Task['originOrders'] = []

function nextTaskNumber(state: CoreState): number {
  state.lastTaskNumber = (state.lastTaskNumber + 1) >>> 0
  return state.lastTaskNumber
}

export function createPeer(
  state: CoreState,
  event: Pick<Registration, 'peerId' | 'download'>,
  { host, task }: { host: Host; task: Task },
): Peer {
  const { peerTable } = state
  const peer = new Peer(peerTable, { id: event.peerId, host, task, facts: event.download })
  peer.wanted = { first: 0, end: 1 }
  peer.createdAt = state.now
  peer.updatedAt = state.now
  state.peers.set(peer.id, peer)
  host.addPeer(peer)
  task.members.add(peer.slot, peerTable.memberPlace)
  countUplink(task, host.facts, 1)
  if (host.facts.type !== 0) task.seedPeers.add(peer)
  return peer
}

/** Takes over what the peer asks for; the pieces it holds stay unless the content is another one. */
export function describePeer(peer: Peer, facts: DownloadFacts, content: Content): void {
  const { geometry, validators } = content
  if (!sameContent(peer, content)) peer.forgetPieces()
  // Of many peers with the same one, one is kept.
  const { task } = peer
  const isUsual = sameGeometry(task.geometry, geometry)
  peer.geometry = isUsual ? task.geometry : geometry
  if (validators !== undefined) task.validators ??= validators
  peer.validators = shared(validators, task.validators)
  if (!isUsual || areOtherVersions(task.validators, validators)) task.isMixed = true
  if (facts.range !== undefined) task.hasRanges = true
  peer.facts = facts
  peer.wanted =
    geometry === undefined ? { first: 0, end: 1 } : piecesOverlapping(geometry, facts.range)
}

function shared(own: Peer['validators'], usual: Peer['validators']): Peer['validators'] {
  const isUsual = own !== undefined && usual !== undefined && areSameValidators(own, usual)
  return isUsual ? usual : own
}

/** The peer leaves. Its stream, when open, ends with `reason`. */
export function removePeer(state: CoreState, peer: Peer, reason: DfError): void {
  const { host, task } = peer
  if (peer.isStreamOpen) state.effects.push({ type: 'endStream', peerId: peer.id, error: reason })
  peer.isStreamOpen = false
  if (peer.lease !== undefined) endLease(state, peer.lease)
  setWaiting(state, peer, false)
  peer.parents = []
  dropChildren(state, peer)
  transition(state, peer, 'Leave')
  refreshUsable(state, peer)
  state.peers.delete(peer.id)
  host.removePeer(peer)
  task.members.remove(peer.slot, state.peerTable.memberPlace)
  countUplink(task, host.facts, -1)
  task.seedPeers.delete(peer)
  if (task.wholeCopy === peer) task.wholeCopy = undefined
  peer.forgetPieces()
  state.peerTable.giveBack(peer.slot)
}
