import type { HostId, PieceInterval } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import type { PieceSet } from './piece-set.ts'
import type { Lease, Peer } from './resources.ts'
import { isActive, isAtSource, sameContent, sameGeometry, usablePeers } from './swarm.ts'

export function isBlocked(state: Pick<CoreState, 'now'>, child: Peer, hostId: HostId): boolean {
  return child.blocked.size > 0 && (child.blocked.get(hostId) ?? 0) > state.now
}

/** What must hold for every parent, whatever a policy thinks. */
export function canServe(state: Pick<CoreState, 'now'>, parent: Peer, child: Peer): boolean {
  return (
    parent.isUsable &&
    parent.host !== child.host &&
    sameContent(parent, child) &&
    !isBlocked(state, child, parent.host.facts.id)
  )
}

/** The parent holds something that the child lacks, or will. */
export function canGive(parent: Peer, child: Peer, missing: PieceSet): boolean {
  if (parent.holdsAnyOf(missing)) return true
  const { isOurs } = child.host.facts
  const isComing = isActive(parent) || (isOurs && parent.isMeshed)
  return isComing && missing.intersectsInterval(parent.wanted)
}

/** Somebody has or fetches all of it. */
export function isCovered(state: CoreState, child: Peer, missing: PieceSet): boolean {
  const { wholeCopy } = child.task
  if (wholeCopy?.isWhole === true && canServe(state, wholeCopy, child)) return true
  return uncoveredPieces(state, child, missing).isEmpty
}

/**
 * The missing pieces that the child can only get if somebody goes to the origin: no usable peer holds them and
 * nobody is on the way to fetch them.
 */
export function uncoveredPieces(state: CoreState, child: Peer, missing: PieceSet): PieceSet {
  const rest = missing.clone()
  for (const lease of child.task.leases) {
    if (covers(lease, child)) rest.removeInterval(lease.interval)
  }
  if (rest.isEmpty) return rest
  for (const peer of usablePeers(state, child.task)) {
    if (!canServe(state, peer, child)) continue
    peer.removeHeld(rest)
    if (isAtSource(peer)) rest.removeInterval(peer.wanted)
    if (rest.isEmpty) break
  }
  return rest
}

function covers(lease: Lease, child: Peer): boolean {
  return !lease.isPrivate && lease.peer !== child && sameGeometry(lease.geometry, child.geometry)
}

/**
 * Which missing pieces can flow to a child through a set of parents: what they hold, what those of them at the
 * origin will fetch, and what reaches them from their own parents. The child itself is no way to the child, so a
 * ring of peers that only have each other counts as nothing.
 */
export class Flow {
  readonly rest: PieceSet
  readonly #hull: PieceInterval
  readonly #visited: Set<Peer>

  constructor(child: Peer, missing: PieceSet) {
    this.rest = missing.clone()
    this.#hull = missing.hull()
    this.#visited = new Set([child])
  }

  /** True when the parent brings pieces that those before it do not. */
  add(parent: Peer): boolean {
    const before = this.rest.count
    // Depth first: nearly every chain of parents ends at a holder after a few steps.
    const stack = [parent]
    for (let peer = stack.pop(); peer !== undefined; peer = stack.pop()) {
      if (this.#visited.has(peer)) continue
      this.#visited.add(peer)
      peer.removeHeld(this.rest)
      if (isAtSource(peer)) this.rest.removeInterval(peer.wanted)
      if (this.rest.isEmpty) return true
      if (isActive(peer) && this.#passesOn(peer)) {
        stack.push(...peer.parents.filter((p) => p.isUsable))
      }
    }
    return this.rest.count < before
  }

  /** Only a peer that wants all that the child lacks hands on whatever its own parents have. */
  #passesOn(peer: Peer): boolean {
    return peer.wanted.first <= this.#hull.first && this.#hull.end <= peer.wanted.end
  }
}
