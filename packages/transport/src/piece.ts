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

/** A piece ready to be sent. */
export interface ServedPiece extends PieceHeader {
  /** Reads `buffer.byteLength` bytes at an offset *within the piece*; returns how many were read. */
  read(buffer: Uint8Array, offset: number): Promise<number>
  /** Called exactly once, when sending has ended in any way. */
  release(sentBytes: number): void
}

/** Where received bytes go. The chunk may be reused as soon as the promise resolves. */
export interface PieceSink {
  write(chunk: Uint8Array): Promise<void>
}
