import {
  background,
  type Clock,
  DfError,
  deadline,
  type Log,
  linkSignals,
  parseCrc32,
} from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { ExpectedDigests, PieceRecord } from '@damselfly/storage'
import type { PeerAddress } from '@damselfly/transport'
import type { DataPlane } from '../data/data-plane.ts'
import type { LiveTask } from './live-task.ts'
import type { PieceAuthority } from './piece-authority.ts'

export interface TakePieceDeps {
  readonly data: Pick<DataPlane, 'receive'>
  /** What the swarm agreed on, see `PieceAuthority`. */
  readonly authority: Pick<PieceAuthority, 'expected' | 'record'>
  /** Nobody waits for it: parents may serve others first. */
  readonly isBackground: boolean
  /** Waits for this download's turn among all of this host; the returned function ends it. */
  readonly turn: (signal: AbortSignal) => Promise<() => void>
  /** How long a piece may take as a whole. */
  readonly pieceTimeoutMs: number
  /** A piece of which nobody but its sender could say what it must be. */
  readonly onUnattested: () => void
  readonly limiter: { take(bytes: number, signal: AbortSignal): Promise<void> }
  readonly clock: Clock
  readonly log: Log
}

/** A claimed piece and who is asked for it. */
export interface TakeOrder {
  readonly live: LiveTask
  readonly piece: number
  readonly length: number
  /** The sender's peer id. */
  readonly from: string
  /** Where to fetch it; asked when it is this piece's turn. */
  readonly peer: () => Promise<PeerAddress>
  /** The piece is on its way from somebody else, too: resolves when that has been given up, before this copy is stored. */
  readonly claim?: () => Promise<void>
}

/**
 * Fetches one piece from a peer into the store, compares it with what the swarm agreed on and commits it. Errors: those of
 * `DataPlane.receive` and `ArrivedPiece.commit`, `PeerUnavailable` when it takes too long, the signal's reason.
 */
export async function takePiece(
  order: TakeOrder,
  deps: TakePieceDeps,
  signal: AbortSignal,
): Promise<PieceRecord> {
  const done = await deps.turn(signal)
  try {
    await deps.limiter.take(order.length, signal)
    return await transfer(order, deps, signal)
  } finally {
    done()
  }
}

async function transfer(
  { live, piece, from, peer, claim }: TakeOrder,
  deps: TakePieceDeps,
  signal: AbortSignal,
): Promise<PieceRecord> {
  const { clock, data, isBackground, authority } = deps
  const startedAt = clock.monotonic()
  const isSecond = claim !== undefined
  const order = { peer: await peer(), stored: live.stored, number: piece, isBackground, isSecond }
  using limit = deadline(clock, deps.pieceTimeoutMs, () => tooSlow(from))
  using linked = linkSignals(signal, limit.signal)
  const arrived = await data.receive(order, linked.signal)
  try {
    const costMs = clock.monotonic() - startedAt
    const agreed = await authority.expected(piece, linked.signal)
    const expected = agreed ?? claimed(arrived.header.digest)
    const facts = { parentId: from, trafficType: 'remote-peer', costMs, expected } as const
    await claim?.()
    linked.signal.throwIfAborted()
    const record = await arrived.commit(facts)
    live.received(arrived.header)
    if (agreed === undefined) unattested(piece, arrived.digests, deps)
    return record
  } finally {
    arrived.abort()
  }
}

/** Nobody but its sender could say what the piece must be. Should the swarm know better later, the piece has to go. */
function unattested(
  number: number,
  digests: PieceDigests,
  { authority, onUnattested, log }: TakePieceDeps,
): void {
  onUnattested()
  background('telling of an unattested piece', authority.record([{ number, digests }], false), log)
}

/** The sender's own claim; nothing to compare with when it makes none that is understood. */
function claimed(digest: string): ExpectedDigests {
  const crc32 = parseCrc32(digest)
  return crc32 === undefined ? {} : { crc32 }
}

function tooSlow(parentId: string): DfError {
  return new DfError('PeerUnavailable', `Parent ${parentId} took too long for a piece.`)
}
