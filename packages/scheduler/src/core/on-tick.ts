import { DfError } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { collectDigests } from './digests.ts'
import { cancelLease, endLease, failSeed } from './leases.ts'
import { collectResolutions, type Resolutions, replaceSilentCallers } from './resolve.ts'
import type { Host, Lease, Peer } from './resources.ts'
import { endWithError, isLearning, serve } from './serve.ts'
import { isActive } from './swarm.ts'
import { removeHost, removePeer } from './tables.ts'

/** What only time brings about. Called about once per second. */
export function onTick(state: CoreState, resolutions: Resolutions): void {
  for (const host of [...state.hosts.values()]) if (isSilent(state, host)) removeHost(state, host)
  for (const lease of [...state.unstarted]) if (lease.startBy <= state.now) expire(state, lease)
  if (state.learningUntil > 0 && !isLearning(state)) {
    state.learningUntil = 0
    for (const task of state.waitingTasks) state.dirty.add(task)
  }
  for (const task of state.waitingTasks) {
    for (const peer of [...task.waiting.keys()]) if (forgetBlocks(state, peer)) serve(state, peer)
  }
  replaceSilentCallers(state, resolutions)
  if (state.now >= state.nextPeerGcAt) {
    state.nextPeerGcAt = state.now + state.options.peerGcIntervalMs
    for (const peer of [...state.peers.values()]) collectPeer(state, peer)
    collectResolutions(state, resolutions)
    collectDigests(state)
  }
  if (state.now >= state.nextTaskGcAt) {
    state.nextTaskGcAt = state.now + state.options.taskGcIntervalMs
    for (const task of state.tasks.values()) {
      if (task.members.size === 0 && task.leases.size === 0) state.tasks.delete(task.id)
    }
  }
}

/** Dragonfly's rule: twice the announced interval. */
function isSilent(state: CoreState, { announcedAt, facts }: Host): boolean {
  const allowed = Math.min(2 * facts.announceIntervalMs, state.options.hostTtlMs)
  return state.now - announcedAt > allowed
}

/** The holder did not begin in time. */
function expire(state: CoreState, lease: Lease): void {
  if (lease.peer === undefined) {
    // The whole seed looks dead, not only for this task.
    lease.host.seedFailedUntil = state.now + state.options.seedRetryMs
    cancelLease(state, lease)
  } else {
    failSeed(state, lease)
    endLease(state, lease)
  }
}

function forgetBlocks(state: CoreState, peer: Peer): boolean {
  if (peer.blocked.size === 0) return false
  let hasChanged = false
  for (const [hostId, until] of peer.blocked) {
    if (until > state.now) continue
    peer.trouble.blocked.delete(hostId)
    hasChanged = true
  }
  return hasChanged
}

function collectPeer(state: CoreState, peer: Peer): void {
  const { pieceDownloadTimeoutMs, peerTtlMs } = state.options
  const idleMs = state.now - peer.updatedAt
  const isDue = isActive(peer) || (peer.isStreamOpen && !peer.isWaiting)
  if (isDue && !peer.isWaiting && idleMs > pieceDownloadTimeoutMs) {
    endWithError(state, peer, new DfError('Timeout', `The peer ${peer.id} has stopped moving.`))
  } else if (!peer.isStreamOpen && peer.state !== 'Succeeded') {
    removePeer(state, peer, gone(peer))
  } else if (state.now - peer.updatedAt > peerTtlMs) {
    removePeer(state, peer, gone(peer))
  }
}

const gone = (peer: Peer): DfError =>
  new DfError('PeerNotFound', `The peer ${peer.id} is no longer known.`)
