import type { Bitset, TaskId } from '@damselfly/core'

/** What a task is; fixed from its creation on. */
export interface TaskSpec {
  readonly taskId: TaskId
  /** The origin's URL as requested, without filtering. */
  readonly url: string
  readonly tag: string
  readonly application: string
  readonly contentLength: number
  /** Length of every piece but the last, in bytes. */
  readonly pieceLength: number
  /** The origin's response headers worth keeping: type, validators, disposition. Lower-case names. */
  readonly responseHeader: Readonly<Record<string, string>>
}

/** How a piece came to this host. */
export type TrafficType = 'back-to-source' | 'remote-peer' | 'local-peer'

/** A piece that is in the store, verified. */
export interface PieceRecord {
  readonly number: number
  readonly offset: number
  readonly length: number
  /** `crc32:` and the unsigned decimal value (interop.md 5.6). */
  readonly digest: string
  /** Peer id of the parent that sent it; empty from the origin. */
  readonly parentId: string
  readonly trafficType: TrafficType
  /** How long fetching took, in milliseconds. */
  readonly costMs: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
}

/** A piece store. It survives `kill -9`: what `commit` returned is there after the next open. */
export interface PieceStore {
  get(taskId: TaskId): StoredTask | undefined
  /**
   * Makes room for a task. An existing task of the same length and piece length is returned with its pieces; one of another
   * geometry is an `InvalidArgument` error (delete it first). Fails with `DiskFull` when the disk cannot hold it.
   */
  create(spec: TaskSpec): Promise<StoredTask>
  list(): StoredTask[]
  /** Forgets the task and its bytes. Readers that hold a lease finish first. Unknown: `TaskNotFound`. */
  delete(taskId: TaskId): Promise<void>
  space(): Promise<{ totalBytes: number; freeBytes: number; usedBytes: number }>
  close(): Promise<void>
}

export interface StoredTask {
  readonly spec: TaskSpec
  readonly pieceCount: number
  /** Which pieces are here. Read only for callers. */
  readonly have: Bitset
  readonly createdAt: number
  /** When a piece came or a lease was taken last. */
  readonly updatedAt: number
  /** All pieces are here. */
  readonly isComplete: boolean
  piece(number: number): PieceRecord | undefined
  pieces(): PieceRecord[]
  /**
   * Starts receiving a piece. Two writers of one piece at a time are the caller's error (`InvalidArgument`), and so is a
   * piece that is here already. After `abort` the next writer may begin at once.
   */
  writePiece(number: number): PieceWriter
  /** Reads bytes of pieces that are here, at an offset in the task; returns how many were read. */
  read(buffer: Uint8Array, offset: number): Promise<number>
  /** Keeps the task from being deleted while somebody reads; dispose to release. */
  lease(): Disposable
  /**
   * Puts the whole content (or a range of it) at `path`, all or nothing: hard link, reflink or copy, in that order, under a
   * temporary name and then renamed. The task must hold every byte asked for.
   *
   * A hard link shares its bytes with the store. So that nobody changes what other hosts get by editing the output in
   * place, the shared file is made read-only (mode 0444 under the usual umask) before it is linked; root can still write
   * to it. Copies are ordinary files.
   *
   * Errors: `OutputExists` (also a directory), `OutputUnwritable`, `DiskFull`, `DiskFailed`, `PieceNotFound`,
   * `InvalidArgument` for a range outside the content or a hard link of a part.
   */
  exportTo(path: string, options: ExportOptions): Promise<ExportMethod>
}

export interface ExportOptions {
  readonly overwrite: boolean
  /** Only a hard link will do; anything else is an error. */
  readonly forceHardLink: boolean
  readonly range?: { readonly start: number; readonly length: number }
  readonly signal?: AbortSignal
}

export type ExportMethod = 'link' | 'copy'

/** Receives one piece in order. Nothing counts until `commit`. */
export interface PieceWriter {
  /** Bytes written so far. */
  readonly written: number
  /**
   * The chunk may be reused by the caller as soon as the promise resolves. Await each call before the next. Errors:
   * `PeerProtocol` (more bytes than the piece has), `DiskFull`, `DiskFailed`.
   */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Checks length and, when given, digest; then records the piece as held.
   * Errors: `PieceCorrupt` (digest differs), `PeerProtocol` (length differs).
   */
  commit(facts: PieceFacts): Promise<PieceRecord>
  /** Forgets what was written. Safe after commit and more than once. */
  abort(): void
}

export interface PieceFacts {
  readonly parentId: string
  readonly trafficType: TrafficType
  readonly costMs: number
  /** What the bytes must hash to; computed and recorded when absent (the origin gave the piece). */
  readonly expectedDigest?: string
}
