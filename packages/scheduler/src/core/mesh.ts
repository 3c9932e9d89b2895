import { PARENT_SLOTS } from './columns/peer-table.ts'
import type { CoreState } from './core-state.ts'
import { isCovered } from './coverage.ts'
import type { PieceSet } from './piece-set.ts'
import type { Peer } from './resources.ts'
import { pickParents } from './select-parents.ts'
import { sendParents } from './send-parents.ts'
import { isActive, missingPieces, setWaiting } from './swarm.ts'

/** A peer has at most so many times the usual number of neighbours. */
const MAX_FACTOR = 2
const MAX_COMPARED = 500
/** Who asks for others because it has nothing to do gets so many more. */
const STARVED_MORE = 2

/**
 * Neighbours for daemons of ours. They exchange pieces both ways on one link, which the child opens, so the parent need
 * not be told; piece maps make cycles harmless. So nobody has to prove that all pieces can come through just these
 * neighbours: it is enough that somebody in the swarm has them or fetches them, and a peer that is starved asks again.
 *
 * True when the waiting peer needs nothing but neighbours; then it has got them, or gets them as soon as there are some.
 */
export function offerNeighbours(state: CoreState, peer: Peer, missing: PieceSet): boolean {
  if (!peer.host.facts.isOurs || !isCovered(state, peer, missing)) return false
  const parents = neighbours(state, peer, missing, { count: usual(state, peer), not: [] })
  if (parents.length === 0) return true
  setWaiting(state, peer, false)
  // One that began with a part may have all that there are.
  if (parents.length > peer.parentCount) sendParents(state, peer, parents)
  return true
}

/** Answers a peer that has dropped some of its neighbours. False when its pieces are nowhere, or nobody is there. */
export function refreshNeighbours(state: CoreState, peer: Peer, dropped: readonly Peer[]): boolean {
  if (dropped.length > 0) {
    peer.parents = peer.parents.filter((parent) => !dropped.includes(parent))
  }
  const missing = missingPieces(peer)
  if (!isCovered(state, peer, missing)) return false
  const limit = usual(state, peer)
  const more = Math.min(peer.parentCount + STARVED_MORE, MAX_FACTOR * limit)
  const count = Math.min(Math.max(limit, more), PARENT_SLOTS)
  const parents = neighbours(state, peer, missing, { count, not: dropped })
  if (parents.length === 0) return false
  sendParents(state, peer, parents)
  return true
}

/**
 * Who is served first knows only the one at the origin. When it starts, there are more who start with it; links to and from
 * it count alike.
 */
export function widen(state: CoreState, newcomer: Peer): void {
  const count = usual(state, newcomer)
  const before = newcomer.parentCount
  if (before + newcomer.childCount >= count || !takesMore(newcomer)) return
  const parents = neighbours(state, newcomer, missingPieces(newcomer), { count, not: [] })
  if (parents.length > before) sendParents(state, newcomer, parents)
}

/** One that was sent to the origin gets nothing from parents, even before it says that it has begun there. */
const takesMore = (peer: Peer): boolean =>
  peer.host.facts.isOurs && peer.state === 'Running' && isActive(peer) && peer.lease === undefined

function usual({ options }: CoreState, { host }: Peer): number {
  return host.hasPlace ? options.placedMeshLimit : options.meshLimit
}

/**
 * The slots of those who are to be the peer's parents, some of those it has among them. A child is a neighbour already: it is named only when
 * there is nobody else. In a large swarm children are too few to be looked for among the candidates.
 */
function neighbours(
  state: CoreState,
  peer: Peer,
  missing: PieceSet,
  { count, not }: { count: number; not: readonly Peer[] },
): readonly number[] {
  const others = { k: count, not: not.map(({ slot }) => slot) }
  if (peer.childCount === 0 || peer.task.members.size > MAX_COMPARED) {
    return pickParents(state, peer, missing, others)
  }
  const found = pickParents(state, peer, missing, { ...others, notItsChildren: true })
  return found.length > 0 ? found : pickParents(state, peer, missing, others)
}
