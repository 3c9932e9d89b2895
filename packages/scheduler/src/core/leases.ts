import type { PieceInterval } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { nextId } from './core-state.ts'
import type { Host, Lease, OriginOrder, Peer, Task } from './resources.ts'
import { missingPieces } from './swarm.ts'

/** So many are remembered of each task. */
const MAX_ORDERS = 10

/** Remembers, for those who ask why, that this host was sent to the origin. */
export function recordOrder(
  state: CoreState,
  task: Task,
  { facts }: Host,
  about: Pick<OriginOrder, 'reason' | 'interval'>,
): void {
  const order = { ...about, at: state.now, hostId: facts.id, isSeed: facts.type !== 0 }
  task.originOrders = [...task.originOrders.slice(1 - MAX_ORDERS), order]
}

/** The one lease that peers may have together, seeds apart. */
export function sharedPeerLease(task: Task): Lease | undefined {
  for (const lease of task.leases) if (!lease.isSeed && !lease.isPrivate) return lease
  return undefined
}

/** A lease in the hands of a peer that is being told so. */
export function grantLease(state: CoreState, peer: Peer): Lease {
  const lease = addLease(state, peer.task, peer.host, {
    interval: missingPieces(peer).hull(),
    geometry: peer.geometry,
    triggerId: undefined,
  })
  lease.peer = peer
  peer.lease = lease
  return lease
}

/** A lease for a seed that is being called; `waiting` is the peer that needs it. Returns the trigger's id. */
export function grantSeedLease(
  state: CoreState,
  waiting: Peer,
  seed: Host,
  interval: PieceInterval,
): number {
  const triggerId = nextId(state)
  const lease = addLease(state, waiting.task, seed, {
    interval,
    geometry: waiting.geometry,
    triggerId,
  })
  state.triggers.set(triggerId, lease)
  return triggerId
}

function addLease(
  state: CoreState,
  task: Task,
  host: Host,
  about: Pick<Lease, 'interval' | 'geometry' | 'triggerId'>,
): Lease {
  const lease: Lease = {
    ...about,
    id: nextId(state),
    task,
    host,
    isSeed: host.facts.type !== 0,
    isPrivate: host.facts.disableShared,
    peer: undefined,
    startBy: state.now + state.options.startDeadlineMs,
    isStarted: false,
  }
  task.leases.add(lease)
  state.unstarted.add(lease)
  return lease
}

/**
 * The seed that was called registers its peer: the lease that waited for it is now held. It may fetch more than it
 * was called for and so answer several calls at once. A call for other content (the origin changed it meanwhile)
 * cannot be answered by this peer: that lease ends.
 */
export function takeSeedLease(state: CoreState, peer: Peer): void {
  for (const lease of [...peer.task.leases]) {
    if (lease.host !== peer.host || lease.peer !== undefined) continue
    if (lease.geometry?.contentLength !== peer.geometry?.contentLength) {
      failSeed(state, lease)
      endLease(state, lease)
    } else if (!contains(peer.wanted, lease.interval)) {
      // Another of its peers will come for this one.
    } else if (peer.lease === undefined) {
      lease.peer = peer
      lease.interval = peer.wanted
      lease.startBy = state.now + state.options.startDeadlineMs
      peer.lease = lease
    } else {
      endLease(state, lease)
    }
  }
}

const contains = (outer: PieceInterval, inner: PieceInterval): boolean =>
  outer.first <= inner.first && inner.end <= outer.end

export function startLease(state: CoreState, lease: Lease): void {
  lease.isStarted = true
  state.unstarted.delete(lease)
}

/** Whoever waited for this lease is looked at again before the event is done. */
export function endLease(state: CoreState, lease: Lease): void {
  lease.task.leases.delete(lease)
  state.unstarted.delete(lease)
  if (lease.triggerId !== undefined) state.triggers.delete(lease.triggerId)
  if (lease.peer?.lease === lease) lease.peer.lease = undefined
  state.dirty.add(lease.task)
}

/** Ends a lease whose seed may still be at it; its call is given up. */
export function cancelLease(state: CoreState, lease: Lease): void {
  const { triggerId } = lease
  if (triggerId !== undefined && state.triggers.has(triggerId)) {
    state.effects.push({ type: 'cancelSeedTrigger', triggerId })
  }
  endLease(state, lease)
}

/** This seed is passed over for a while when the task needs one again. */
export function failSeed(state: CoreState, lease: Lease): void {
  if (!lease.isSeed) return
  const { seedFailures } = lease.task
  for (const [hostId, until] of seedFailures) if (until <= state.now) seedFailures.delete(hostId)
  seedFailures.set(lease.host.facts.id, state.now + state.options.seedRetryMs)
}

/**
 * Statuses by which the origin says no to everybody. 401 and 403 speak of one peer's credentials, 408 and 429 of
 * this moment.
 */
export function isRefusal(statusCode: number | undefined): statusCode is number {
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return false
  return ![401, 403, 408, 429].includes(statusCode)
}

/** The holder could not fetch the content. */
export function failLease(state: CoreState, lease: Lease, statusCode: number | undefined): void {
  const { task } = lease
  if (isRefusal(statusCode)) {
    task.refusals = recentRefusals(state, task)
    task.refusals.push({ at: state.now, statusCode })
  }
  failSeed(state, lease)
  endLease(state, lease)
}

/** The origin's status when it refused this task often enough to believe it. */
export function refusedWith(state: CoreState, task: Task): number | undefined {
  const recent = recentRefusals(state, task)
  if (recent.length < state.options.sourceRefusalLimit) return undefined
  return recent.at(-1)?.statusCode
}

function recentRefusals(state: CoreState, task: Task): Task['refusals'] {
  const since = state.now - state.options.sourceRefusalWindowMs
  return task.refusals.filter(({ at }) => at > since)
}
