import { DfError, type PieceGeometry, pieceGeometry } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import type { HeldTask, InventoryAnnounced } from './events.ts'
import type { DownloadFacts } from './facts.ts'
import { mergeSiblings } from './on-peer-message.ts'
import { MAX_PIECES } from './options.ts'
import { PieceSet } from './piece-set.ts'
import type { Host, Peer, Task } from './resources.ts'
import { type Content, refreshUsable, sameContent, transition } from './swarm.ts'
import { createPeer, describePeer, hasRoom, upsertTask } from './tables.ts'

/**
 * The state of a scheduler lives in its hosts: one that starts again learns from them who holds what. What cannot be
 * used (no room, numbers that contradict each other) is left out; the host downloads and serves without it.
 */
export function onInventory(state: CoreState, { hostId, tasks }: InventoryAnnounced): void {
  const host = state.hosts.get(hostId)
  if (host === undefined) {
    state.counters.strayMessages += 1
    return
  }
  const startedAt = state.startedAt ?? state.now
  const isEarly = state.now < startedAt + state.options.learnMs
  if (tasks.length > 0 && isEarly) state.learningUntil = startedAt + state.options.learnMs
  for (const held of tasks) if (!takeIn(state, host, held)) state.counters.strayMessages += 1
}

function takeIn(state: CoreState, host: Host, held: HeldTask): boolean {
  const { taskId, peerId, contentLength, pieceLength, validators } = held
  const geometry = geometryOf(contentLength, pieceLength)
  const have = geometry === undefined ? undefined : piecesOf(held.have, geometry)
  if (geometry === undefined || have === undefined || have.isEmpty) return false
  const known = state.peers.get(peerId)
  if (known !== undefined) {
    if (known.host !== host || known.task.id !== taskId) return false
    if (known.isStreamOpen) return addPieces(state, known, { geometry, validators }, have)
  }
  if (!hasRoom(state, { taskId, peerId })) return false
  const task = state.tasks.get(taskId) ?? upsertTask(state, { taskId, download: nothingKnown })
  // Whoever registered knows more of the content than a host that only holds it.
  if (task.members.size === 0) task.geometry = geometry
  const download = withWhatItHolds(task, geometry, have)
  const peer = known ?? createPeer(state, { peerId, download }, { host, task })
  if (known !== undefined) transition(state, peer, 'Reregister')
  describePeer(peer, download, { geometry, validators })
  peer.forgetPieces()
  peer.holdAll(have)
  transition(state, peer, 'Announce')
  refreshUsable(state, peer)
  mergeSiblings(state, peer)
  state.dirty.add(task)
  return true
}

/** The download runs: its stream has told what it wants, and what it holds of that is all that is new. */
function addPieces(state: CoreState, peer: Peer, content: Content, have: PieceSet): boolean {
  if (!sameContent(peer, content)) return false
  peer.holdAll(have)
  refreshUsable(state, peer)
  state.dirty.add(peer.task)
  return true
}

function geometryOf(contentLength: number, pieceLength: number): PieceGeometry | undefined {
  try {
    const geometry = pieceGeometry(contentLength, pieceLength)
    return geometry.pieceCount > MAX_PIECES ? undefined : geometry
  } catch (error) {
    if (DfError.from(error).code === 'InvalidArgument') return undefined
    throw error
  }
}

function piecesOf(have: HeldTask['have'], { pieceCount }: PieceGeometry): PieceSet | undefined {
  if (have === 'all') return PieceSet.of({ first: 0, end: pieceCount })
  return have.byteLength === Math.ceil(pieceCount / 8)
    ? PieceSet.fromBytes(have, pieceCount)
    : undefined
}

/** A part counts as the download of a range: it is no copy of the whole. */
function withWhatItHolds(
  task: Task,
  { contentLength, pieceLength, pieceCount }: PieceGeometry,
  have: PieceSet,
): DownloadFacts {
  const { range: _, ...download } = { ...task.facts, contentLength, pieceLength }
  if (have.count === pieceCount) return download
  const { first, end } = have.hull()
  const start = first * pieceLength
  return {
    ...download,
    range: { start, length: Math.min(end * pieceLength, contentLength) - start },
  }
}

/** Until somebody registers. */
const nothingKnown: DownloadFacts = {
  url: '',
  needBackToSource: false,
  metadataOnly: false,
  disableBackToSource: false,
  isPrefetch: false,
  priority: 0,
  contentLength: undefined,
  pieceLength: undefined,
  concurrentPieceCount: 0,
}
