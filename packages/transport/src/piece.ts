import type { Endpoint } from '@damselfly/core'

/** The three families of tasks that the piece protocol tells apart by tag; one engine serves them all. */
export type TaskFamily = 'standard' | 'persistent' | 'persistent-cache'

/** What the sender says about the piece before its bytes (interop.md 3.2). */
export interface PieceHeader {
  readonly number: number
  /** Offset in the task, bytes. */
  readonly offset: number
  readonly length: number
  /** `crc32:<decimal>`; empty when the sender has none. */
  readonly digest: string
  /** Peer id that the sender got the piece from; may be empty. */
  readonly parentId: string
  readonly costMs: number
  /** Milliseconds since the Unix epoch; the wire carries whole seconds. */
  readonly createdAt: number
}

/** What has arrived of a piece beside its bytes. */
export interface FetchedPiece extends PieceHeader {
  /** Bytes of content as they travelled: fewer than `length` when they came packed. */
  readonly travelledBytes: number
}

/** A piece ready to be sent. */
export interface ServedPiece extends PieceHeader {
  /**
   * Reads `buffer.byteLength` bytes at an offset *within the piece*; returns how many were read. Where the bytes are at hand
   * (a worker that reads files synchronously, memory) a plain number spares a promise per chunk.
   */
  read(buffer: Uint8Array, offset: number): number | Promise<number>
  /** Called exactly once, when sending has ended in any way. */
  release(sentBytes: number): void
}

/**
 * Where received bytes go. A sink that returns nothing has taken the chunk when it returns: bytes then go from the socket's
 * buffer straight into it. One that returns a promise holds back the sender until it resolves, and its chunks are copied once
 * more. The first write of a piece decides which of the two a sink is.
 */
export interface PieceSink {
  write(chunk: Uint8Array): void | Promise<void>
  /** Asked after each chunk that was taken at once: nothing more is read from the sender until this resolves. */
  ready?(): Promise<void> | undefined
}

/** A peer's piece server. */
export interface PeerAddress {
  readonly endpoint: Endpoint
  /** Only of our own kind of daemon; without them it is asked as Dragonfly's peers are: one piece per connection. */
  readonly features?: PeerFeatures | undefined
}

/** What a peer has said of itself (`damselfly.v1.Peer/Describe`). */
export interface PeerFeatures {
  /** Requests may follow each other on one connection, and be sent before earlier ones are answered. */
  readonly keepAlive: boolean
  /** The piece protocol over TLS 1.3: its port, and the SHA-256 of the certificate (DER) shown there, 64 hex digits. */
  readonly tls?: { readonly port: number; readonly fingerprint: string } | undefined
  /** Pieces may be asked for in packed form. */
  readonly zstd?: boolean | undefined
}

/** A piece to be fetched. */
export interface PieceFetch {
  readonly peer: PeerAddress
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
  /** Length of the piece as the geometry says (trap T10: the peers never exchange it). */
  readonly expectedLength: number
  readonly sink: PieceSink
  /** Others come first; only our own peers are told. */
  readonly isBackground?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}
