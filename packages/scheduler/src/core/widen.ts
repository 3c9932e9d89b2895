import type { CoreState } from './core-state.ts'
import { canServe } from './coverage.ts'
import type { Peer } from './resources.ts'
import { moreParents } from './select-parents.ts'
import { isActive, setParents } from './swarm.ts'

/** A peer takes newcomers as parents up to so many times the number that it was given. */
const MESH_FACTOR = 2

/**
 * Makes a mesh of those who start together. Who is served first knows only the seed; the peers that begin right after it
 * would never give it anything. So a peer of ours that starts gets more parents, and becomes a parent of each of them that
 * still downloads. Piece maps make the cycles harmless. Dragonfly's peers count their answers, so they are left alone.
 */
export function widen(state: CoreState, newcomer: Peer): void {
  if (!takesMore(newcomer)) return
  const found = moreParents(state, newcomer)
  addParents(state, newcomer, found)
  for (const peer of found) {
    const isFull = peer.parents.length >= MESH_FACTOR * state.options.parentLimit
    if (isFull || !takesMore(peer) || peer.parents.includes(newcomer)) continue
    if (canServe(state, newcomer, peer)) addParents(state, peer, [newcomer])
  }
}

/** One that was sent to the origin gets nothing from parents, even before it says that it has begun there. */
const takesMore = (peer: Peer): boolean =>
  peer.host.facts.isOurs && peer.state === 'Running' && isActive(peer) && peer.lease === undefined

function addParents(state: CoreState, child: Peer, more: readonly Peer[]): void {
  if (more.length === 0) return
  const parents = [...child.parents, ...more]
  setParents(child, parents)
  state.effects.push({ type: 'normal', peerId: child.id, parents: parents.map(({ id }) => id) })
}
