import { contradict } from '@damselfly/core'
import { flag, listed } from './columns/peer-table.ts'
import { SlotList } from './columns/slot-list.ts'
import type { CoreState } from './core-state.ts'
import { nextPeerState, type PeerTransition } from './peer-state.ts'
import { PieceSet } from './piece-set.ts'
import type { Host, Peer, Task } from './resources.ts'

/** Pieces are being fetched: the peer will hold what it wants sooner or later. */
export function isActive(peer: Peer): boolean {
  return peer.isStreamOpen && (peer.state === 'Running' || peer.state === 'BackToSource')
}

/** The peer makes progress without any parent. */
export function isAtSource(peer: Peer): boolean {
  return peer.isStreamOpen && peer.state === 'BackToSource'
}

/** Could be somebody's parent. A peer whose stream broke before it finished could not. */
function isUsable(peer: Peer): boolean {
  if (peer.host.facts.disableShared) return false
  if (peer.state === 'Succeeded') return true
  return isActive(peer) || peer.isMeshed || (peer.isStreamOpen && peer.heldCount > 0)
}

export function missingPieces(peer: Peer): PieceSet {
  const missing = PieceSet.of(peer.wanted)
  peer.removeHeld(missing)
  return missing
}

/** What must agree between two peers that exchange pieces. */
export type Content = Pick<Peer, 'geometry' | 'validators'>

/** The same content, as far as is known: pieces of one fit the other. */
export function sameContent(a: Content, b: Content): boolean {
  return sameGeometry(a.geometry, b.geometry) && !areOtherVersions(a.validators, b.validators)
}

export function sameGeometry(a: Peer['geometry'], b: Peer['geometry']): boolean {
  return a?.contentLength === b?.contentLength && a?.pieceLength === b?.pieceLength
}

/** Most peers of a task share one object. */
export function areOtherVersions(a: Peer['validators'], b: Peer['validators']): boolean {
  return a !== b && a !== undefined && b !== undefined && contradict(a, b)
}

/** Takes one edge of the state machine; false, counted, when there is no such edge. */
export function transition(state: CoreState, peer: Peer, name: PeerTransition): boolean {
  const next = nextPeerState(peer.state, name)
  if (typeof next !== 'string') {
    state.counters.invalidTransitions += 1
    return false
  }
  // Others may have waited for what it was fetching.
  if (isAtSource(peer) && next !== 'BackToSource') state.dirty.add(peer.task)
  const isWhole = peer.facts.range === undefined
  if (isWhole && peer.state === 'Succeeded') peer.task.wholeCopies -= 1
  if (isWhole && next === 'Succeeded') {
    peer.task.wholeCopies += 1
    peer.task.wholeCopy = peer
  }
  peer.state = next
  peer.updatedAt = state.now
  return true
}

/** Keeps the lists of who could be a parent true after anything about the peer has changed. */
export function refreshUsable(state: CoreState, peer: Peer): void {
  const table = state.peerTable
  const before = table.list[peer.slot] as number
  const now = !isUsable(peer)
    ? listed.nowhere
    : peer.heldCount > 0
      ? listed.holders
      : listed.expecting
  if (now === before) return
  const { holders, expecting } = peer.task
  if (before === listed.holders) holders.remove(peer.slot, table.listPlace)
  if (before === listed.expecting) expecting.remove(peer.slot, table.listPlace)
  if (now === listed.holders) holders.add(peer.slot, table.listPlace)
  if (now === listed.expecting) expecting.add(peer.slot, table.listPlace)
  table.list[peer.slot] = now
  table.setFlag(peer.slot, flag.usable, now !== listed.nowhere)
  if (before !== listed.nowhere && now !== listed.nowhere) return
  if (now === listed.nowhere) leaveRack(state, peer)
  else enterRack(state, peer)
  state.dirty.add(peer.task)
}

/** In a small swarm who is in a rack is found by looking at everybody; lists for each rack would be most of its memory. */
const MAX_UNLISTED = 128

/** A usable peer of a large swarm can be found by those of its rack. */
export function enterRack(state: CoreState, peer: Peer): void {
  const { task } = peer
  if (task.racks !== undefined) {
    listInRack(state, task.racks, peer)
  } else if (task.holders.size + task.expecting.size > MAX_UNLISTED) {
    task.racks = new Map()
    for (const other of usablePeers(state, task)) listInRack(state, task.racks, other)
  }
}

function listInRack(state: CoreState, racks: Map<number, SlotList>, peer: Peer): void {
  const { rack } = peer.host
  if (rack === 0) return
  const members = racks.get(rack) ?? new SlotList()
  racks.set(rack, members)
  members.add(peer.slot, state.peerTable.rackPlace)
}

export function leaveRack(state: CoreState, { host, task, slot }: Peer): void {
  const members = task.racks?.get(host.rack)
  if (host.rack === 0 || members === undefined) return
  members.remove(slot, state.peerTable.rackPlace)
  if (members.size === 0) task.racks?.delete(host.rack)
}

/** Whoever could be a parent, holders first. The lists must not change meanwhile. */
export function* usablePeers(state: CoreState, { holders, expecting }: Task): Generator<Peer> {
  for (let i = 0; i < holders.size; i++) yield state.peerTable.get(holders.ids[i] as number)
  for (let i = 0; i < expecting.size; i++) yield state.peerTable.get(expecting.ids[i] as number)
}

/** A copy. */
export function membersOf(state: CoreState, { members }: Task): Peer[] {
  return Array.from(members.slots(), (slot) => state.peerTable.get(slot))
}

/** The peers of this task that are on this host. */
export const peersOnHost = ({ host, task }: { host: Host; task: Task }): Peer[] =>
  host.peers().filter((peer) => peer.task === task)

/** Nobody downloads from this peer any more. */
export function dropChildren(state: CoreState, peer: Peer): void {
  if (peer.childCount > 0 && peer.task.waiting.size > 0) state.dirty.add(peer.task)
  peer.dropChildren()
}

export function setWaiting(state: CoreState, peer: Peer, isWaiting: boolean): void {
  const { task } = peer
  const since = task.waiting.get(peer)
  peer.isWaiting = isWaiting
  if (isWaiting) {
    task.waiting.set(peer, since ?? state.now)
  } else if (since !== undefined) {
    task.waiting.delete(peer)
    if (peer.isStreamOpen) state.waitedMs.push(state.now - since)
  }
  if (task.waiting.size > 0) state.waitingTasks.add(task)
  else state.waitingTasks.delete(task)
}
