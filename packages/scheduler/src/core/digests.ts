import { DfError, type HostId, MIN_PIECE_LENGTH, type TaskId } from '@damselfly/core'
import type { CoreState } from './core-state.ts'
import { DIGEST_BYTES, DigestTable } from './digest-table.ts'
import type { DigestsEvent } from './events.ts'
import type { PieceDigest } from './facts.ts'
import { MAX_PIECES } from './options.ts'

/** The digests of a task's pieces, and who wants to hear of them. */
export interface TaskDigests {
  readonly taskId: TaskId
  readonly table: DigestTable
  /** Streams, by call id. */
  readonly watchers: Set<number>
  /** Hosts that have contradicted what stands; no more than a few are remembered. */
  readonly blamed: Set<HostId>
  /** Since when nobody has needed them. */
  idleSince: number | undefined
}

interface Watch {
  readonly digests: TaskDigests
  readonly hostId: HostId
}

export interface Digests {
  readonly byTask: Map<TaskId, TaskDigests>
  readonly byCall: Map<number, Watch>
  /** Memory of all tables. */
  bytes: number
  /** Pieces in all tables. */
  pieces: number
}

export const createDigests = (): Digests => ({
  byTask: new Map(),
  byCall: new Map(),
  bytes: 0,
  pieces: 0,
})

/** While nobody has said how long the content is: 16 TiB in the longest pieces, 13 MB of digests. */
const MAX_UNKNOWN_PIECES = 1 << 18
/** Short pieces are for tests; of short content there may be so many whatever their length is. */
const SMALL_TASK_PIECES = 4096
const MAX_BLAMED = 64

/**
 * damselfly.v1.Swarm/PieceDigests: what the pieces of a task hash to, as said by those who took them from the origin. What
 * the origin gave first stands; what a host merely holds stands until somebody takes the piece from the origin.
 */
export function onDigests(state: CoreState, event: DigestsEvent): void {
  const { byCall } = state.digests
  if (event.type === 'digestsWatched') {
    watch(state, event)
    return
  }
  const watcher = byCall.get(event.callId)
  if (watcher === undefined) {
    // A stream that was ended from here is closed afterwards.
    if (event.type === 'digestsRecorded') state.counters.strayMessages += 1
    return
  }
  if (event.type === 'digestsClosed') {
    byCall.delete(event.callId)
    watcher.digests.watchers.delete(event.callId)
    // A question about nothing leaves nothing behind.
    const { watchers, table } = watcher.digests
    if (watchers.size === 0 && table.end === 0) forget(state, watcher.digests)
    return
  }
  const refusal = refusalOf(state, watcher.digests, event.pieces)
  if (refusal === undefined) {
    record(state, watcher.digests, { ...event, hostId: watcher.hostId })
    return
  }
  byCall.delete(event.callId)
  watcher.digests.watchers.delete(event.callId)
  state.effects.push({ type: 'digestsEnded', callId: event.callId, error: refusal })
}

function watch(
  state: CoreState,
  { callId, taskId, hostId }: Extract<DigestsEvent, { type: 'digestsWatched' }>,
): void {
  const digests = digestsOf(state, taskId)
  if (digests.watchers.size >= state.options.maxDigestWatchers) {
    const error = overloaded('Too many hosts watch the piece digests of this task.')
    state.effects.push({ type: 'digestsEnded', callId, error })
    return
  }
  digests.watchers.add(callId)
  digests.idleSince = undefined
  state.digests.byCall.set(callId, { digests, hostId })
  if (digests.table.end > 0) {
    const effect = { type: 'digestsLearned', taskId, callIds: [callId] } as const
    state.effects.push({ ...effect, isCorrection: false })
  }
}

function digestsOf(state: CoreState, taskId: TaskId): TaskDigests {
  const known = state.digests.byTask.get(taskId)
  if (known !== undefined) return known
  const created: TaskDigests = {
    taskId,
    table: new DigestTable(),
    watchers: new Set(),
    blamed: new Set(),
    idleSince: undefined,
  }
  state.digests.byTask.set(taskId, created)
  return created
}

/** Why a record is not taken; then nothing of it is. */
function refusalOf(
  state: CoreState,
  { taskId, table }: TaskDigests,
  pieces: readonly PieceDigest[],
): DfError | undefined {
  const limit = pieceLimit(state, taskId)
  if (pieces.length > limit) {
    return invalid(`A record of ${pieces.length} pieces is longer than the task.`)
  }
  let count = 0
  for (const { number, blake3, crc32 } of pieces) {
    if (number >= limit) return invalid(`There is no piece ${number} among ${limit}.`)
    if (blake3 !== undefined && blake3.byteLength !== DIGEST_BYTES) {
      return invalid(`A BLAKE3 digest has 32 bytes, not ${blake3.byteLength}.`)
    }
    if (blake3 === undefined && crc32 === undefined) {
      return invalid(`The record of piece ${number} has no digest.`)
    }
    count = Math.max(count, number + 1)
  }
  const isFull = state.digests.bytes + table.growth(count, limit) > state.options.maxDigestBytes
  return isFull ? overloaded('The scheduler has no room for more piece digests.') : undefined
}

/** How many pieces the task can have. A registration with a wrong piece length makes it more, never less. */
function pieceLimit({ tasks }: CoreState, taskId: TaskId): number {
  const geometry = tasks.get(taskId)?.geometry
  if (geometry === undefined) return MAX_UNKNOWN_PIECES
  const { contentLength, pieceCount } = geometry
  const usual = Math.ceil(contentLength / MIN_PIECE_LENGTH)
  const short = Math.min(contentLength, SMALL_TASK_PIECES)
  return Math.min(MAX_PIECES, Math.max(usual, pieceCount, short))
}

interface Record {
  readonly pieces: readonly PieceDigest[]
  readonly fromOrigin: boolean
  readonly hostId: HostId
  /** `undefined` = the host has no stream. */
  readonly callId: number | undefined
}

/** Takes in what has been checked. */
function record(state: CoreState, digests: TaskDigests, said: Record): void {
  const { table, taskId } = digests
  const { fromOrigin, callId, hostId } = said
  const before = { bytes: table.bytes, count: table.count, end: table.end }
  const limit = pieceLimit(state, taskId)
  const contradicted: number[] = []
  let isCorrection = false
  for (const piece of said.pieces) {
    table.reserve(piece.number + 1, limit)
    const outcome = table.record(piece, { fromOrigin, callId: callId ?? 0 })
    if (outcome === 'contradiction') contradicted.push(piece.number)
    else if (outcome === 'correction') isCorrection = true
  }
  state.digests.bytes += table.bytes - before.bytes
  state.digests.pieces += table.count - before.count
  if (table.end > before.end) {
    const callIds = [...digests.watchers].filter((id) => id !== callId)
    if (callIds.length > 0) {
      state.effects.push({ type: 'digestsLearned', taskId, callIds, isCorrection })
    }
  }
  if (contradicted.length === 0) return
  const isFirst = !digests.blamed.has(hostId) && digests.blamed.size < MAX_BLAMED
  if (isFirst) digests.blamed.add(hostId)
  state.effects.push({
    type: 'digestsContradicted',
    taskId,
    hostId,
    callId,
    numbers: contradicted,
    fromOrigin,
    isFirst,
  })
}

/**
 * A peer that went to the origin told a piece and its digest on its AnnouncePeer stream. Dragonfly's peers have no other way
 * of saying it; they know the CRC-32 only.
 */
export function recordAnnounced(
  state: CoreState,
  taskId: TaskId,
  said: { number: number; digest: string; hostId: HostId },
): void {
  const crc32 = readCrc32(said.digest)
  if (crc32 === undefined) return
  const pieces = [{ number: said.number, blake3: undefined, crc32 }]
  const digests = digestsOf(state, taskId)
  if (refusalOf(state, digests, pieces) !== undefined) return
  const { hostId } = said
  record(state, digests, { pieces, fromOrigin: true, hostId, callId: undefined })
}

/** `crc32:<decimal>`, as every peer writes it; `undefined` for anything else. */
function readCrc32(digest: string): number | undefined {
  const value = Number(/^crc32:(\d{1,10})$/.exec(digest)?.[1] ?? Number.NaN)
  return value <= 0xffff_ffff ? value : undefined
}

/** The content has changed, or is gone: its digests go, and the streams of those who have the old one end. */
export function dropDigests(state: CoreState, taskId: TaskId, error: DfError): void {
  const digests = state.digests.byTask.get(taskId)
  if (digests === undefined) return
  for (const callId of digests.watchers) {
    state.digests.byCall.delete(callId)
    state.effects.push({ type: 'digestsEnded', callId, error })
  }
  forget(state, digests)
}

function forget({ digests }: CoreState, { taskId, table }: TaskDigests): void {
  digests.byTask.delete(taskId)
  digests.bytes -= table.bytes
  digests.pieces -= table.count
}

/** Somebody watches, so the task's content is of interest. */
export function isWatched({ digests }: CoreState, taskId: TaskId): boolean {
  return (digests.byTask.get(taskId)?.watchers.size ?? 0) > 0
}

/** Digests that nobody has needed for a while are forgotten, as the task's facts are. */
export function collectDigests(state: CoreState): void {
  for (const digests of state.digests.byTask.values()) {
    const hasPeers = (state.tasks.get(digests.taskId)?.members.size ?? 0) > 0
    if (hasPeers || digests.watchers.size > 0) digests.idleSince = undefined
    else digests.idleSince ??= state.now
    if (digests.idleSince === undefined) continue
    if (state.now - digests.idleSince >= state.options.factsTtlMs) forget(state, digests)
  }
}

const invalid = (message: string): DfError => new DfError('InvalidArgument', message)
const overloaded = (message: string): DfError => new DfError('Overloaded', message)
