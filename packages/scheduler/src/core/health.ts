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
  block(state, peer, host, state.options.blockMs)
}

/**
 * The peer cannot reach the host, or gets nothing from it. Of a daemon of ours that may be a link that was cut for a moment, so it
 * is tried again soon; Dragonfly's peers name parents that they have given up after minutes.
 */
export function lose(state: CoreState, peer: Peer, host: Host): void {
  const { blockMs, lossMs } = state.options
  if (!peer.host.facts.isOurs) {
    block(state, peer, host, blockMs)
    return
  }
  const { losses } = peer.trouble
  const times = losses.get(host.facts.id) ?? 0
  if (losses.size < MAX_BLOCKED || times > 0) losses.set(host.facts.id, times + 1)
  block(state, peer, host, Math.min(blockMs, lossMs * 2 ** times))
}

/** By host: what keeps a child from one peer there keeps it from all of them. */
function block(state: CoreState, peer: Peer, host: Host, ms: number): void {
  if (host === peer.host) return
  const { blocked, pieceFailures } = peer.trouble
  pieceFailures.delete(host.facts.id)
  const oldest = blocked.keys().next()
  if (blocked.size >= MAX_BLOCKED && oldest.done !== true) blocked.delete(oldest.value)
  blocked.set(host.facts.id, state.now + ms)
  if (peer.isWaiting) state.dirty.add(peer.task)
}

/** The peers of these names that are known. */
export function peersOf(state: CoreState, ids: readonly PeerId[]): Peer[] {
  return ids.map((id) => state.peers.get(id)).filter((peer) => peer !== undefined)
}
