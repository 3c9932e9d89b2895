import { DfError, type Random, randomInt } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'
import { encodeRequest, frameHeaderBytes, maxValueBytes } from './codec.ts'
import { checkBufferBytes, ownBufferBytes } from './memory.ts'
import type { PieceHeader } from './piece.ts'
import {
  type PieceFetch,
  PieceReception,
  type PieceReceptionDeps,
  type PieceTimeouts,
} from './piece-reception.ts'

export interface PieceClientDeps extends PieceReceptionDeps {
  readonly random: Random
  /** For receiving only, see `BufferPool`. */
  readonly pool: BufferPool
}

/** Dragonfly's connect timeout, and a silence after which another parent is the better choice. */
export const defaultPieceTimeouts: PieceTimeouts = { connectMs: 2_000, idleMs: 10_000 }

/**
 * Fetches one piece over a connection of its own. The sink gets exactly `expectedLength` bytes, in order; checking
 * them against a digest is its owner's business.
 *
 * When the promise settles the connection is gone and no `sink.write` runs any more: whoever writes the same
 * piece next cannot be overtaken by a late write of this one. An abort therefore closes the connection at once
 * and rejects as soon as the write under way, if any, has settled.
 *
 * Errors: `PeerUnavailable`, `PieceNotFound`, `PeerProtocol`, `Overloaded` (no socket to be had here), whatever
 * the sink throws, the signal's reason.
 */
export async function fetchPiece(fetch: PieceFetch, deps: PieceClientDeps): Promise<PieceHeader> {
  const { pool, random } = deps
  fetch.signal?.throwIfAborted()
  checkBufferBytes(pool)
  if (!Number.isSafeInteger(fetch.expectedLength) || fetch.expectedLength < 0) {
    throw new DfError('InvalidArgument', `A piece cannot have ${fetch.expectedLength} bytes.`)
  }
  const request = encodeRequest({ ...fetch, packetId: randomInt(random, 256) })
  if (fetch.expectedLength <= ownBufferBytes) {
    const buffer = Buffer.allocUnsafe(frameHeaderBytes + maxValueBytes + fetch.expectedLength)
    return new PieceReception(fetch, buffer, deps).run(request)
  }
  const buffer = await pool.acquire(fetch.signal)
  try {
    return await new PieceReception(fetch, buffer, deps).run(request)
  } finally {
    pool.release(buffer)
  }
}
