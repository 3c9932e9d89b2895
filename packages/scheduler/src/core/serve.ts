import { type ByteRange, DfError, hrw, type PieceInterval } from '@damselfly/core'
import { PARENT_SLOTS } from './columns/peer-table.ts'
import type { CoreState } from './core-state.ts'
import { isBlocked, uncoveredPieces } from './coverage.ts'
import {
  failLease,
  grantLease,
  grantSeedLease,
  recordOrder,
  refusedWith,
  sharedPeerLease,
} from './leases.ts'
import { offerNeighbours } from './mesh.ts'
import type { PieceSet } from './piece-set.ts'
import type { Host, Peer, Task } from './resources.ts'
import { type Reach, restAfter, selectParents } from './select-parents.ts'
import { sendParents } from './send-parents.ts'
import { dropChildren, missingPieces, refreshUsable, setWaiting, transition } from './swarm.ts'

/**
 * Looks at the waiting peers of every task that the event has touched. A peer waits only while somebody fetches
 * what it lacks; so whatever ends that (a lease, a holder, a stream) makes its task dirty, and nobody waits forever.
 */
export function settle(state: CoreState): void {
  let answers = 0
  for (const task of state.dirty) {
    state.dirty.delete(task)
    for (const peer of inOrder(task)) {
      serve(state, peer)
      if (!peer.isWaiting) answers += 1
      if (answers < state.options.answersPerEvent) continue
      state.dirty.add(task)
      return
    }
  }
}

/** The scheduler has just been started and is being told what hosts hold: nobody goes to the origin for what may be here. */
export function isLearning(state: CoreState): boolean {
  return state.now < state.learningUntil
}

/** Peers that may go to the origin first: those that may not hope for one of them. */
function inOrder(task: Task): Peer[] {
  const waiting = [...task.waiting.keys()]
  const mayFetch = waiting.filter((peer) => !peer.facts.disableBackToSource)
  if (mayFetch.length === waiting.length) return waiting
  return [...mayFetch, ...waiting.filter((peer) => peer.facts.disableBackToSource)]
}

/** Gives a waiting peer parents, sends it or a seed to the origin, or lets it wait for those who are under way. */
export function serve(state: CoreState, peer: Peer): void {
  if (!peer.isWaiting) return
  const missing = missingPieces(peer)
  if (missing.isEmpty) {
    // It holds all it wants, which it told after registering. Any answer lets it finish; this one needs no parent.
    sayToSource(state, peer, 'nothing is missing')
    return
  }
  if (offerNeighbours(state, peer, missing)) return
  const selection = selectParents(state, peer, missing, reachOf(state, peer))
  if (selection.rest.isEmpty) {
    setWaiting(state, peer, false)
    sendParents(state, peer, selection.parents.map(slotOf))
    return
  }
  if (peer.host.facts.isOurs) offerPart(state, peer, missing)
  const uncovered = uncoveredPieces(state, peer, missing)
  if (uncovered.isEmpty || isLearning(state)) return
  const isBusy = restAfter(state, peer, missing).count < missing.count
  askOrigin(state, peer, uncovered, isBusy)
}

/** Few wait while pieces arrive: those for whom no list of parents was complete so far. */
export function serveThoseWhoLack(
  state: CoreState,
  task: Task,
  wants: (wanted: PieceInterval) => boolean,
): void {
  if (task.waiting.size === 0) return
  for (const peer of [...task.waiting.keys()]) if (wants(peer.wanted)) serve(state, peer)
}

/**
 * A daemon of ours can begin with a part and take more orders meanwhile. It goes on waiting; when its parents have
 * given all they can, the origin has to give only what is left.
 */
function offerPart(state: CoreState, peer: Peer, missing: PieceSet): void {
  const selection = selectParents(state, peer, missing, 'near')
  if (selection.rest.count >= restAfter(state, peer, missing).count) return
  const kept = peer.parents.filter((p) => !selection.parents.includes(p))
  const parents = [...selection.parents, ...kept].slice(0, PARENT_SLOTS)
  sendParents(state, peer, parents.map(slotOf))
}

/** The answer after which a foreign peer would leave with the next one must be one that lasts. */
export function reachOf(state: CoreState, peer: Peer): Reach {
  const isLast = !peer.host.facts.isOurs && peer.answers >= state.options.answersPerStream - 1
  return isLast ? 'held' : 'flow'
}

export function hasAnswersLeft(state: CoreState, peer: Peer): boolean {
  return peer.host.facts.isOurs || peer.answers < state.options.answersPerStream
}

/** `isBusy`: the peer still gets pieces from parents and does not go itself before it has them all. */
function askOrigin(state: CoreState, peer: Peer, uncovered: PieceSet, isBusy: boolean): void {
  const { task, facts } = peer
  const statusCode = refusedWith(state, task)
  if (statusCode !== undefined) {
    endWithError(state, peer, refused(task, statusCode))
    return
  }
  if (isSeed(peer.host)) {
    if (!isBusy) sendToSource(state, peer, 'the seed fetches the content for the others')
    return
  }
  const goesItself = facts.needBackToSource || facts.priority === SELF_PRIORITY
  const seed = goesItself ? undefined : nextSeed(state, peer)
  if (seed !== undefined) {
    triggerSeed(state, peer, seed, uncovered.hull())
  } else if (isBusy) {
    // Its next piece brings it back here.
  } else if (!peer.host.facts.disableShared && sharedPeerLease(task) !== undefined) {
    // Somebody is at the origin for other pieces: one at a time.
  } else if (facts.disableBackToSource) {
    endWithError(state, peer, noSource(task))
  } else {
    sendToSource(state, peer, 'nobody else has the content')
  }
}

/** Priority LEVEL3: the peer fetches from the origin itself instead of waking a seed. */
const SELF_PRIORITY = 3

const slotOf = ({ slot }: Peer): number => slot

const isSeed = (host: Host): boolean => host.facts.type !== 0

/** The peer gets a lease and is told to go to the origin. */
export function sendToSource(state: CoreState, peer: Peer, reason: string): void {
  if (peer.lease === undefined) grantLease(state, peer)
  recordOrder(state, peer.task, peer.host, { reason, interval: missingPieces(peer).hull() })
  sayToSource(state, peer, reason)
}

function sayToSource(state: CoreState, peer: Peer, reason: string): void {
  peer.parents = []
  setWaiting(state, peer, false)
  peer.answers += 1
  peer.updatedAt = state.now
  state.effects.push({ type: 'needBackToSource', peerId: peer.id, reason })
}

function triggerSeed(state: CoreState, peer: Peer, seed: Host, interval: PieceInterval): void {
  const triggerId = grantSeedLease(state, peer, seed, interval)
  const reason = `nobody had what ${peer.host.facts.id} wanted`
  recordOrder(state, peer.task, seed, { reason, interval })
  state.effects.push({
    type: 'triggerSeed',
    triggerId,
    hostId: seed.facts.id,
    taskId: peer.task.id,
    range: rangeOf(peer, interval),
    download: peer.facts.wire,
  })
}

/** The bytes of the pieces that nobody has; the peer's own range when that is all of them. */
function rangeOf(
  { geometry, wanted, facts }: Peer,
  interval: PieceInterval,
): ByteRange | undefined {
  if (interval.first === wanted.first && interval.end === wanted.end) return facts.range
  if (geometry === undefined) return facts.range
  const start = interval.first * geometry.pieceLength
  const end = Math.min(interval.end * geometry.pieceLength, geometry.contentLength)
  return { start, length: end - start }
}

/** The first live seed for the task that this peer could download from. */
function nextSeed(state: CoreState, peer: Peer): Host | undefined {
  const { task } = peer
  const able = new Map<string, Host>()
  for (const host of state.seedHosts) {
    const { id, disableShared } = host.facts
    const passedOver = Math.max(host.seedFailedUntil, task.seedFailures.get(id) ?? 0)
    if (disableShared || passedOver > state.now || isBlocked(state, peer, id)) continue
    able.set(id, host)
  }
  const [first] = hrw(task.id, [...able.keys()])
  return first === undefined ? undefined : able.get(first)
}

/** The peer's download is over and did not succeed; so is its stream. */
export function endWithError(state: CoreState, peer: Peer, error: DfError | undefined): void {
  transition(state, peer, 'DownloadFailed')
  setWaiting(state, peer, false)
  peer.parents = []
  dropChildren(state, peer)
  if (peer.lease !== undefined) failLease(state, peer.lease, peer.sourceStatus)
  if (peer.isStreamOpen) {
    const end = { type: 'endStream', peerId: peer.id } as const
    state.effects.push(error === undefined ? end : { ...end, error })
  }
  peer.isStreamOpen = false
  refreshUsable(state, peer)
}

const refused = (task: Task, statusCode: number): DfError =>
  new DfError(
    'NoSource',
    `The origin refused the content of task ${task.id} again and again, last with status ${statusCode}.`,
    { details: { taskId: task.id, statusCode } },
  )

const noSource = (task: Task): DfError =>
  new DfError(
    'NoSource',
    `No peer has the content of task ${task.id}, no seed is there, and this download may not go to the origin.`,
    { details: { taskId: task.id } },
  )

export const tooManyAnswers = (peer: Peer): DfError =>
  new DfError(
    'NoSource',
    `The peer ${peer.id} asked for other parents ${peer.answers} times; none of them could serve it.`,
    { details: { peerId: peer.id } },
  )
