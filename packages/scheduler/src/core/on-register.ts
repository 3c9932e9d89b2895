import {
  DfError,
  type PieceGeometry,
  pieceGeometry,
  type TaskId,
  validatorsOf,
} from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { dropDigests } from './digests.ts'
import type { DownloadFacts } from './facts.ts'
import { endLease, takeSeedLease } from './leases.ts'
import { onStreamClosed } from './on-peer-message.ts'
import { MAX_PIECES } from './options.ts'
import type { PeerTransition } from './peer-state.ts'
import type { Resolutions } from './resolve.ts'
import type { Host, Peer, Task } from './resources.ts'
import { contentChanged } from './retire.ts'
import { sendToSource, serve } from './serve.ts'
import { dropChildren, refreshUsable, sameGeometry, setWaiting, transition } from './swarm.ts'
import { checkRoom, createPeer, describePeer, type Registration, upsertTask } from './tables.ts'

/** Contents up to this size are called tiny. */
const TINY_BYTES = 128

/** Takes a peer in and answers it, or ends its stream when it cannot be taken. */
export function onRegister(state: CoreState, event: Registration, facts: Resolutions): void {
  try {
    const peer = register(state, event, facts)
    firstAnswer(state, peer)
  } catch (thrown) {
    const error = DfError.from(thrown)
    // The driver has already replaced the stream that a peer of this name had.
    const known = state.peers.get(event.peerId)
    if (known !== undefined) onStreamClosed(state, known)
    state.effects.push({ type: 'endStream', peerId: event.peerId, error })
  }
}

function register(state: CoreState, event: Registration, resolutions: Resolutions): Peer {
  const host = state.hosts.get(event.hostId)
  if (host === undefined) {
    throw new DfError('HostNotFound', `The host ${event.hostId} has not announced itself.`)
  }
  checkPriority(event.download)
  const known = state.peers.get(event.peerId)
  if (known !== undefined && (known.host !== host || known.task.id !== event.taskId)) {
    throw new DfError(
      'InvalidArgument',
      `The peer ${event.peerId} is already registered for another task or host.`,
    )
  }
  const found = resolutions.byTask.get(event.taskId)?.facts
  const foundLength = found?.contentLength
  const geometry = geometryOf(event.download, foundLength ?? lengthAmongPeers(state, event.taskId))
  checkRoom(state, event)
  // From here on nothing throws: a registration that is refused changes nothing.
  const task = upsertTask(state, event)
  const isContradicted = foundLength !== undefined && foundLength !== geometry?.contentLength
  if (!isContradicted) learnGeometry(state, task, geometry)
  const download = task.facts
  const peer = known ?? createPeer(state, { peerId: event.peerId, download }, { host, task })
  if (known !== undefined) reset(state, peer)
  // What a peer has said of what it holds goes before what others are told now.
  const validators = peer.validators ?? (found && validatorsOf(found.responseHeader))
  describePeer(peer, download, { geometry, validators })
  peer.isStreamOpen = true
  transition(state, peer, registrationOf(peer))
  refreshUsable(state, peer)
  return peer
}

/** Dragonfly's meaning of the two lowest levels: never download. Both statuses are what it answers. */
function checkPriority({ priority }: DownloadFacts): void {
  if (priority === 1) {
    throw new DfError('NoSource', 'Downloads of priority LEVEL1 are forbidden.')
  }
  if (priority === 2) {
    throw new DfError('TaskNotFound', 'Downloads of priority LEVEL2 get no peers.')
  }
}

function geometryOf(
  { contentLength, pieceLength }: DownloadFacts,
  knownLength: number | undefined,
): PieceGeometry | undefined {
  const length = contentLength ?? knownLength
  if (length === undefined) return undefined
  const geometry = pieceGeometry(length, pieceLength)
  if (geometry.pieceCount > MAX_PIECES) {
    throw new DfError(
      'InvalidArgument',
      `${geometry.pieceCount} pieces are too many; use a larger piece length.`,
    )
  }
  return geometry
}

/** While the origin has not been asked for it: what another peer said. */
function lengthAmongPeers({ tasks }: CoreState, taskId: TaskId): number | undefined {
  const task = tasks.get(taskId)
  return task !== undefined && task.members.size > 0 ? task.geometry?.contentLength : undefined
}

function learnGeometry(state: CoreState, task: Task, geometry: PieceGeometry | undefined): void {
  const before = task.geometry
  if (geometry === undefined || sameGeometry(before, geometry)) return
  // Only among peers that have not asked for the task's facts: those who have are told when these change.
  if (before !== undefined && before.contentLength !== geometry.contentLength) {
    dropDigests(state, task.id, contentChanged())
  }
  task.geometry = geometry
  if (task.members.size > 0) task.isMixed = true
  task.pieces.clear()
}

/** The daemon came back on a new stream: what was going on before is over, what it holds stays. */
function reset(state: CoreState, peer: Peer): void {
  if (peer.lease !== undefined) endLease(state, peer.lease)
  peer.parents = []
  dropChildren(state, peer)
  setWaiting(state, peer, false)
  peer.forgetTrouble()
  peer.answers = 0
  transition(state, peer, 'Reregister')
}

function registrationOf(peer: Peer): PeerTransition {
  if (hasNothingToGet(peer)) return 'RegisterEmpty'
  if (peer.geometry === undefined) return 'RegisterNormal'
  if (peer.geometry.contentLength <= TINY_BYTES) return 'RegisterTiny'
  return peer.geometry.pieceCount === 1 ? 'RegisterSmall' : 'RegisterNormal'
}

const hasNothingToGet = ({ wanted }: Peer): boolean => wanted.first >= wanted.end

const isSeed = (host: Host): boolean => host.facts.type !== 0

function firstAnswer(state: CoreState, peer: Peer): void {
  const { metadataOnly, needBackToSource } = peer.facts
  if (isSeed(peer.host) && (metadataOnly || needBackToSource)) takeSeedLease(state, peer)
  if (metadataOnly) {
    // A Rust seed insists on exactly this answer, also for a content without bytes (interop.md T7).
    peer.answers += 1
    state.effects.push({ type: 'metadataOnly', peerId: peer.id })
  } else if (hasNothingToGet(peer)) {
    peer.answers += 1
    state.effects.push({ type: 'empty', peerId: peer.id })
  } else if (isSeed(peer.host) && needBackToSource) {
    sendToSource(state, peer, 'the seed was asked to fetch the content')
  } else {
    setWaiting(state, peer, true)
    serve(state, peer)
  }
}
