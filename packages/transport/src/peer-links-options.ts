import type { PieceTimeouts } from './piece-link.ts'

export interface PeerLinksOptions extends Partial<PieceTimeouts> {
  /** Connections to one peer that keeps them open. More than a few gain nothing. Default 2. */
  readonly connectionsPerPeer?: number
  /** Requests sent on a kept connection before the first of them is answered. Default 4. */
  readonly depth?: number
  /** The same for small pieces, as long as they are less than a MiB together. Default 32, as many as a server takes. */
  readonly smallDepth?: number
  /** How long a connection that nobody uses is kept. Default 15 s, half of what a server allows. */
  readonly keepMs?: number
  /** Above the high number of connections, unused ones are closed down to the low one. Default 64 and 128. */
  readonly water?: { readonly low: number; readonly high: number }
  /** Pieces under way, from all peers together; bounds sockets and memory. Default 128. */
  readonly maxInFlight?: number
  /** Fetches that may wait for their turn; one more is `Overloaded`. Default 4096. */
  readonly maxWaiting?: number
  /** One buffer for all sockets. 64 KiB loses half of the rate. Default 1 MiB. */
  readonly readBufferBytes?: number
}

/** Dragonfly's connect timeout, and a silence after which another parent is the better choice. */
export const defaultPieceTimeouts: PieceTimeouts = { connectMs: 2_000, idleMs: 10_000 }

export const defaultPeerLinks = {
  ...defaultPieceTimeouts,
  connectionsPerPeer: 2,
  depth: 4,
  smallDepth: 32,
  keepMs: 15_000,
  water: { low: 64, high: 128 },
  maxInFlight: 128,
  maxWaiting: 4096,
  readBufferBytes: 1024 * 1024,
} satisfies Required<PeerLinksOptions>
