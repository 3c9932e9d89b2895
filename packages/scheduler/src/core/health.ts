import type { PeerId } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import type { Host, Peer } from './resources.ts'

/** After so many temporary failures the parent's host is blocked like after a lasting one. */
const TEMPORARY_FAILURES = 3
const MAX_BLOCKED = 64
/** A piece from this host did not come; after a few times the child takes none from it for a while. */
export function parentFailed(state: CoreState, peer: Peer, host: Host, isTemporary: boolean): void {
  host.recordHealth(1)
  const { pieceFailures } = peer.trouble
  const failures = (pieceFailures.get(host.facts.id) ?? 0) + 1
  if (isTemporary && failures < TEMPORARY_FAILURES) {
    if (pieceFailures.size < MAX_BLOCKED) pieceFailures.set(host.facts.id, failures)
    return
  }
  block(state, peer, host)
}

/** By host: what keeps a child from one peer there keeps it from all of them. */
export function block(state: CoreState, peer: Peer, host: Host | undefined): void {
  if (host === undefined || host === peer.host) return
  const { blocked, pieceFailures } = peer.trouble
  pieceFailures.delete(host.facts.id)
  const oldest = blocked.keys().next()
  if (blocked.size >= MAX_BLOCKED && oldest.done !== true) blocked.delete(oldest.value)
  blocked.set(host.facts.id, state.now + state.options.blockMs)
  if (peer.isWaiting) state.dirty.add(peer.task)
}

/** The peers of these names that are known. */
export function peersOf(state: CoreState, ids: readonly PeerId[]): Peer[] {
  return ids.map((id) => state.peers.get(id)).filter((peer) => peer !== undefined)
}
