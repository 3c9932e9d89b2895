import type { CoreState } from './core-state.ts'
import { nextPeerState, type PeerTransition } from './peer-state.ts'
import { PieceSet } from './piece-set.ts'
import type { Peer } from './resources.ts'

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
  return isActive(peer) || (peer.isStreamOpen && !peer.have.isEmpty)
}

export function missingPieces(peer: Peer): PieceSet {
  const missing = PieceSet.of(peer.wanted)
  missing.remove(peer.have)
  return missing
}

/** The same content: pieces of one fit the other. */
export function sameGeometry(a: Peer['geometry'], b: Peer['geometry']): boolean {
  return a?.contentLength === b?.contentLength && a?.pieceLength === b?.pieceLength
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
  if (isWhole && next === 'Succeeded') peer.task.wholeCopies += 1
  peer.state = next
  peer.updatedAt = state.now
  peer.progressAt = state.now
  return true
}

/** Keeps `task.usable` true after anything about the peer has changed. */
export function refreshUsable(state: CoreState, peer: Peer): void {
  const { usable } = peer.task
  const isListed = peer.usableIndex >= 0
  if (isUsable(peer) === isListed) return
  if (isListed) {
    const last = usable.pop()
    if (last !== undefined && last !== peer) {
      usable[peer.usableIndex] = last
      last.usableIndex = peer.usableIndex
    }
    peer.usableIndex = -1
  } else {
    peer.usableIndex = usable.length
    usable.push(peer)
  }
  state.dirty.add(peer.task)
}

export function setParents(peer: Peer, parents: readonly Peer[]): void {
  for (const old of peer.parents) {
    if (old.children.delete(peer)) old.host.outDegree -= 1
  }
  peer.parents = [...parents]
  for (const parent of parents) {
    parent.children.add(peer)
    parent.host.outDegree += 1
  }
}

/** Nobody downloads from this peer any more. */
export function dropChildren(state: CoreState, peer: Peer): void {
  for (const child of peer.children) {
    if (child.isWaiting) state.dirty.add(peer.task)
    child.parents = child.parents.filter((parent) => parent !== peer)
    peer.host.outDegree -= 1
  }
  peer.children.clear()
}

export function setWaiting(state: CoreState, peer: Peer, isWaiting: boolean): void {
  const { task } = peer
  peer.isWaiting = isWaiting
  if (isWaiting) task.waiting.add(peer)
  else task.waiting.delete(peer)
  if (task.waiting.size > 0) state.waitingTasks.add(task)
  else state.waitingTasks.delete(task)
}
