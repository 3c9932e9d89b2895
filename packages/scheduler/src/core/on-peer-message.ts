import { DfError, type PeerId } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { recordAnnounced } from './digests.ts'
import type { PeerEvent, PieceFinished } from './events.ts'
import { endLease, grantLease, sharedPeerLease, startLease } from './leases.ts'
import type { Host, Peer } from './resources.ts'
import { endWithError, hasAnswersLeft, serve, tooManyAnswers } from './serve.ts'
import {
  isActive,
  refreshUsable,
  sameGeometry,
  setParents,
  setWaiting,
  transition,
} from './swarm.ts'
import { removePeer } from './tables.ts'
import { widen } from './widen.ts'

/** After so many temporary failures the parent's host is blocked like after a lasting one. */
const TEMPORARY_FAILURES = 3
const MAX_BLOCKED = 64
/** Finished peers of one task that a host keeps. */
const MAX_SIBLINGS = 4
/** Weight of the newest piece in a host's moving average of failures. */
const FAILURE_WEIGHT = 0.2

export type PeerMessage = Exclude<
  PeerEvent,
  { type: 'peerRegistered' } | { type: 'streamClosed' } | { type: 'peerDeleted' }
>

/** A message on the stream of a registered peer. */
export function onPeerMessage(state: CoreState, peer: Peer, event: PeerMessage): void {
  switch (event.type) {
    case 'peerStarted':
      onStarted(state, peer)
      break
    case 'backToSourceStarted':
      onBackToSourceStarted(state, peer)
      break
    case 'rescheduled':
      onRescheduled(state, peer, event.parentIds)
      break
    case 'pieceFinished':
      onPieceFinished(state, peer, event)
      break
    case 'pieceFailed':
      onPieceFailed(state, peer, event.parentId, event.temporary)
      break
    case 'pieceSourceFailed':
      peer.sourceStatus = event.statusCode
      break
    case 'peerFinished':
    case 'backToSourceFinished':
      onFinished(state, peer)
      break
    case 'peerFailed':
    case 'backToSourceFailed':
      endWithError(state, peer, undefined)
      break
    default:
      event satisfies never
  }
}

function onStarted(state: CoreState, peer: Peer): void {
  const wasActive = isActive(peer)
  if (!transition(state, peer, 'Download')) return
  if (peer.lease !== undefined) startLease(state, peer.lease)
  refreshUsable(state, peer)
  if (wasActive) return
  // From now on it hands on what its parents have.
  state.dirty.add(peer.task)
  // Once: a daemon says "started" after every list, so widening each time would never end.
  widen(state, peer)
}

function onBackToSourceStarted(state: CoreState, peer: Peer): void {
  if (!transition(state, peer, 'DownloadBackToSource')) return
  // It goes without having been sent, or later than it was allowed to: a lease is free or there is none for it.
  const isAlone = peer.host.facts.type !== 0 || sharedPeerLease(peer.task) === undefined
  if (peer.lease === undefined && (isAlone || peer.host.facts.disableShared)) {
    grantLease(state, peer)
  }
  if (peer.lease !== undefined) startLease(state, peer.lease)
  setWaiting(state, peer, false)
  refreshUsable(state, peer)
  // Whoever waited for exactly this one to start can be served now.
  state.dirty.add(peer.task)
}

function onRescheduled(state: CoreState, peer: Peer, parentIds: readonly PeerId[]): void {
  if (peer.state === 'ReceivedEmpty') {
    state.counters.invalidTransitions += 1
    return
  }
  for (const parentId of parentIds) block(state, peer, state.peers.get(parentId)?.host)
  if (peer.lease !== undefined) endLease(state, peer.lease)
  // From the origin it comes back to the parents.
  if (peer.state === 'BackToSource') transition(state, peer, 'Download')
  peer.updatedAt = state.now
  peer.progressAt = state.now
  setParents(peer, [])
  if (!hasAnswersLeft(state, peer)) {
    endWithError(state, peer, tooManyAnswers(peer))
    return
  }
  setWaiting(state, peer, true)
  refreshUsable(state, peer)
  serve(state, peer)
}

function onPieceFinished(state: CoreState, peer: Peer, event: PieceFinished): void {
  peer.updatedAt = state.now
  peer.progressAt = state.now
  const parent = event.parentId === undefined ? undefined : state.peers.get(event.parentId)
  if (parent !== undefined) recordHealth(parent.host, 0)
  if (event.source && peer.lease !== undefined) startLease(state, peer.lease)
  const { geometry, task } = peer
  // Numbers mean nothing while the length, and so the geometry, is not known.
  if (geometry === undefined) return
  if (event.number >= geometry.pieceCount) {
    state.counters.strayMessages += 1
    return
  }
  if (event.source && task.geometry?.contentLength === geometry.contentLength) {
    const { number, offset, length, digest } = event
    if (!task.pieces.has(number)) task.pieces.set(number, { offset, length, digest })
    recordAnnounced(state, task.id, { number, digest, hostId: peer.host.facts.id })
  }
  if (!peer.have.add(event.number)) return
  refreshUsable(state, peer)
  serve(state, peer)
  serveThoseWhoLack(state, peer, event.number)
}

/** Few wait while pieces arrive: those for whom no list of parents was complete so far. */
function serveThoseWhoLack(state: CoreState, holder: Peer, piece: number): void {
  for (const peer of [...holder.task.waiting]) {
    if (peer.wanted.first <= piece && piece < peer.wanted.end) serve(state, peer)
  }
}

function onPieceFailed(
  state: CoreState,
  peer: Peer,
  parentId: PeerId | undefined,
  temporary: boolean,
): void {
  peer.updatedAt = state.now
  const host = parentId === undefined ? undefined : state.peers.get(parentId)?.host
  if (host === undefined) return
  recordHealth(host, 1)
  const failures = (peer.pieceFailures.get(host.facts.id) ?? 0) + 1
  if (temporary && failures < TEMPORARY_FAILURES) {
    if (peer.pieceFailures.size < MAX_BLOCKED) peer.pieceFailures.set(host.facts.id, failures)
    return
  }
  block(state, peer, host)
}

function recordHealth(host: Host, failed: 0 | 1): void {
  host.failures += FAILURE_WEIGHT * (failed - host.failures)
}

/** By host: what keeps a child from one peer there keeps it from all of them. */
function block(state: CoreState, peer: Peer, host: Host | undefined): void {
  if (host === undefined || host === peer.host) return
  peer.pieceFailures.delete(host.facts.id)
  const oldest = peer.blocked.keys().next()
  if (peer.blocked.size >= MAX_BLOCKED && oldest.done !== true) peer.blocked.delete(oldest.value)
  peer.blocked.set(host.facts.id, state.now + state.options.blockMs)
  if (peer.isWaiting) state.dirty.add(peer.task)
}

function onFinished(state: CoreState, peer: Peer): void {
  if (transition(state, peer, 'DownloadSucceeded')) {
    peer.have.addInterval(peer.wanted)
    peer.task.refusals = []
  }
  setWaiting(state, peer, false)
  setParents(peer, [])
  if (peer.lease !== undefined) endLease(state, peer.lease)
  if (peer.isStreamOpen) state.effects.push({ type: 'endStream', peerId: peer.id })
  peer.isStreamOpen = false
  refreshUsable(state, peer)
  mergeSiblings(state, peer)
  state.dirty.add(peer.task)
}

/**
 * A host that reads many ranges of a task registers a peer for each. They share one copy, so the newest stands for
 * the old ones; some stay, because children still name them.
 */
function mergeSiblings(state: CoreState, peer: Peer): void {
  const siblings = [...(peer.task.byHost.get(peer.host) ?? [])].filter(
    (s) => s !== peer && s.state === 'Succeeded' && sameGeometry(s.geometry, peer.geometry),
  )
  for (const old of siblings.slice(0, Math.max(0, siblings.length - MAX_SIBLINGS))) {
    peer.have.addAll(old.have)
    removePeer(state, old, new DfError('PeerNotFound', 'A newer peer of its host stands for it.'))
  }
}

/** The stream is gone: the peer has failed, unless it was done. */
export function onStreamClosed(state: CoreState, peer: Peer): void {
  if (!peer.isStreamOpen) return
  peer.isStreamOpen = false
  endWithError(state, peer, undefined)
}
