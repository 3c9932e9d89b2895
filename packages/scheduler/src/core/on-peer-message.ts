import { DfError, type PeerId } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { recordAnnounced } from './digests.ts'
import type { PeerEvent, PieceFinished } from './events.ts'
import { lose, parentFailed, peersOf } from './health.ts'
import { endLease, grantLease, sharedPeerLease, startLease } from './leases.ts'
import { widen } from './mesh.ts'
import { onParentsAsked, onReported } from './on-report.ts'
import { PieceSet } from './piece-set.ts'
import type { Peer } from './resources.ts'
import { endWithError, hasAnswersLeft, serve, serveThoseWhoLack, tooManyAnswers } from './serve.ts'
import {
  isActive,
  peersOnHost,
  refreshUsable,
  sameContent,
  setWaiting,
  transition,
} from './swarm.ts'
import { removePeer } from './tables.ts'

/** Finished peers of one task that a host keeps. */
const MAX_SIBLINGS = 4

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
    case 'peerReported':
      onReported(state, peer, event)
      break
    case 'parentsAsked':
      onParentsAsked(state, peer, event)
      break
    case 'pieceSourceFailed':
      peer.trouble.sourceStatus = event.statusCode
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
  for (const { host } of peersOf(state, parentIds)) lose(state, peer, host)
  if (peer.lease !== undefined) endLease(state, peer.lease)
  // From the origin it comes back to the parents.
  if (peer.state === 'BackToSource') transition(state, peer, 'Download')
  peer.updatedAt = state.now
  peer.parents = []
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
  const parent = event.parentId === undefined ? undefined : state.peers.get(event.parentId)
  if (parent !== undefined) parent.host.recordHealth(0)
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
  if (!peer.hold(event.number)) return
  refreshUsable(state, peer)
  serve(state, peer)
  serveThoseWhoLack(state, peer.task, (n) => n.first <= event.number && event.number < n.end)
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
  parentFailed(state, peer, host, temporary)
}

function onFinished(state: CoreState, peer: Peer): void {
  if (transition(state, peer, 'DownloadSucceeded')) {
    peer.holdAll(PieceSet.of(peer.wanted))
    peer.task.refusals = []
  }
  setWaiting(state, peer, false)
  peer.parents = []
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
export function mergeSiblings(state: CoreState, peer: Peer): void {
  const siblings = peersOnHost(peer).filter(
    (s) => s !== peer && s.state === 'Succeeded' && sameContent(s, peer),
  )
  for (const old of siblings.slice(0, Math.max(0, siblings.length - MAX_SIBLINGS))) {
    peer.holdAll(old.held())
    removePeer(state, old, new DfError('PeerNotFound', 'A newer peer of its host stands for it.'))
  }
}

/** The stream is gone: the peer has failed, unless it was done. */
export function onStreamClosed(state: CoreState, peer: Peer): void {
  if (!peer.isStreamOpen) return
  peer.isStreamOpen = false
  endWithError(state, peer, undefined)
}
