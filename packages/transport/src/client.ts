import type { Endpoint } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'
import { PeerLinks, type PeerLinksDeps } from './peer-links.ts'
import type { PieceFetch, PieceHeader } from './piece.ts'
import type { PieceTimeouts } from './piece-link.ts'

export interface PieceClientDeps extends PeerLinksDeps {
  readonly timeouts: PieceTimeouts
  /** Not needed any more. */
  readonly pool?: BufferPool | undefined
}

/** Fetches one piece over a connection of its own, as Dragonfly's peers do. See `PeerLinks.fetch`. */
export function fetchPiece(
  { endpoint, ...fetch }: Omit<PieceFetch, 'peer'> & { readonly endpoint: Endpoint },
  { timeouts, pool: _pool, ...deps }: PieceClientDeps,
): Promise<PieceHeader> {
  return new PeerLinks(timeouts, deps).fetch({ ...fetch, peer: { endpoint } })
}
