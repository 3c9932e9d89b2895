import type { CoreState } from './core-state.ts'
import { policyOf } from './decision-view.ts'
import type { ParentsAsked, PeerReported } from './events.ts'
import { lose, parentFailed, peersOf } from './health.ts'
import { startLease } from './leases.ts'
import { refreshNeighbours } from './mesh.ts'
import type { Peer } from './resources.ts'
import { serve, serveThoseWhoLack } from './serve.ts'
import { refreshUsable, setWaiting } from './swarm.ts'

/** What a daemon of ours tells about one of its peers about once per second, in place of a message for each piece. */
export function onReported(state: CoreState, peer: Peer, event: PeerReported): void {
  peer.updatedAt = state.now
  peer.rate = event.rateBytesPerSec
  const { uplinkBytesPerSec = 0 } = event
  if (uplinkBytesPerSec > 0) {
    const { slot } = peer.host
    peer.host.recordUplink(uplinkBytesPerSec)
    policyOf(state, peer.task).observe?.({ type: 'uplink', host: slot, rate: uplinkBytesPerSec })
  }
  judgeParents(state, peer, event)
  const { bytes } = peer.task
  bytes.origin += event.bytes.origin
  bytes.seed += event.bytes.seed
  bytes.near += event.bytes.near
  bytes.far += event.bytes.far
  if (event.bytes.origin > 0 && peer.lease !== undefined) startLease(state, peer.lease)
  // Numbers mean nothing while the length, and so the geometry, is not known.
  const pieceCount = peer.geometry?.pieceCount ?? 0
  const news: number[] = []
  for (const piece of event.pieces) {
    if (piece >= pieceCount) state.counters.strayMessages += 1
    else if (peer.hold(piece)) news.push(piece)
  }
  if (news.length === 0) return
  refreshUsable(state, peer)
  serve(state, peer)
  serveThoseWhoLack(state, peer.task, ({ first, end }) => news.some((n) => first <= n && n < end))
}

/** Parents that are not complained about did well. */
function judgeParents(state: CoreState, peer: Peer, event: PeerReported): void {
  const failed = new Set(peersOf(state, event.failedParents))
  const slow = new Set(peersOf(state, event.slowParents))
  for (const parent of peer.parents) {
    if (failed.has(parent)) continue
    parent.host.recordHealth(0)
    parent.host.recordPace(slow.has(parent) ? 1 : 0)
  }
  for (const parent of failed) parentFailed(state, peer, parent.host, true)
}

/** Some of the peer's neighbours are of no use to it, or it has too few. */
export function onParentsAsked(state: CoreState, peer: Peer, event: ParentsAsked): void {
  if (peer.lease !== undefined || peer.isWaiting || !isUnderWay(peer)) {
    state.counters.strayMessages += 1
    return
  }
  peer.updatedAt = state.now
  const dropped = peersOf(state, event.dropped)
  for (const { host } of dropped) {
    if (event.reason === 'lost') {
      host.recordHealth(1)
      lose(state, peer, host)
    } else if (event.reason === 'slow') {
      host.recordPace(1)
    }
  }
  if (refreshNeighbours(state, peer, dropped)) return
  setWaiting(state, peer, true)
  refreshUsable(state, peer)
  serve(state, peer)
}

const isUnderWay = ({ state }: Peer): boolean => state === 'Running' || state.startsWith('Received')
