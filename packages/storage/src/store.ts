import type { Bitset, TaskId } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { ContentPlace, PieceSeal } from './place/content-place.ts'

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
  /** 32 bytes. */
  readonly blake3: Uint8Array
  /** What opens the piece where its bytes lie sealed. */
  readonly seal?: PieceSeal
  /** Peer id of the parent that sent it; empty from the origin. */
  readonly parentId: string
  readonly trafficType: TrafficType
  /** How long fetching took, in milliseconds. */
  readonly costMs: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
}

/** A piece store. A store on disk survives `kill -9`: what `commit` returned is there after the next open. */
export interface PieceStore {
  get(taskId: TaskId): StoredTask | undefined
  /**
   * Makes room for a task. An existing task of the same length and piece length is returned with its pieces; one of another
   * geometry is an `InvalidArgument` error (delete it first). Fails with `DiskFull` when the medium cannot hold it.
   */
  create(spec: TaskSpec, options?: CreateOptions): Promise<StoredTask>
  list(): StoredTask[]
  /** A complete task whose whole content was recorded to have this digest. */
  findContent(digest: string): StoredTask | undefined
  /** Forgets the task and its bytes. Readers that hold a lease finish first. Unknown: `TaskNotFound`. */
  delete(taskId: TaskId): Promise<void>
  space(): Promise<{ totalBytes: number; freeBytes: number; usedBytes: number }>
  /** Hears of every piece that is dropped, whoever found it bad. Returns how to stop that. */
  onDrop(listener: (dropped: DroppedPiece) => void): () => void
  /** A small text of the caller's, kept beside the tasks; `undefined` when there is none of that name. */
  note(name: string): string | undefined
  setNote(name: string, text: string): void
  close(): Promise<void>
}

export interface DroppedPiece {
  readonly taskId: TaskId
  readonly number: number
}

export interface CreateOptions {
  /** Only some of the content is wanted: its file stays sparse instead of getting all its blocks at once. */
  readonly isPartial?: boolean
}

export interface StoredTask {
  readonly spec: TaskSpec
  readonly pieceCount: number
  /** Which pieces are here. Read only for callers. */
  readonly have: Bitset
  /** Bytes of the pieces that are here. */
  readonly heldBytes: number
  readonly createdAt: number
  /** When a piece came or a lease was taken last. */
  readonly updatedAt: number
  /** All pieces are here. */
  readonly isComplete: boolean
  /** Somebody reads (holds a lease) or receives a piece. */
  readonly isInUse: boolean
  /** Never to be evicted; kept over restarts. */
  readonly isPinned: boolean
  /** When the task may go, in milliseconds since the Unix epoch; kept over restarts. */
  readonly expiresAt: number | undefined
  /** A text of the caller's, kept over restarts, e.g. by which rules the task is evicted. */
  readonly policy: string
  /** Of the whole content, as recorded. */
  readonly contentDigest: string | undefined
  /** Where the bytes lie now. A task in a tiered store, or one that lost a piece, may move: ask for each piece. */
  readonly place: ContentPlace
  piece(number: number): PieceRecord | undefined
  pieces(): PieceRecord[]
  /**
   * Starts receiving a piece. Two writers of one piece at a time are the caller's error (`InvalidArgument`), and so is a
   * piece that is here already. After `abort` the next writer may begin at once.
   */
  writePiece(number: number): PieceWriter
  /**
   * The same for a worker thread, which writes to `place` itself (`PlacedPieceWriter`). Abort only when nothing writes there
   * any more: a late write would fall onto the next writer's bytes.
   */
  reserve(number: number): PieceReservation
  /** Forgets a piece that turned out to be damaged. It can be received again when the promise resolves. */
  drop(number: number): Promise<void>
  /** Reads the piece and compares it with its BLAKE3; false also for a piece that is not here or was cut off. */
  verify(number: number): Promise<boolean>
  /**
   * Reads bytes of pieces that are here, at an offset in the task; returns how many were read. A sealed piece that does not
   * open is dropped and `PieceCorrupt`; pieces that were cut off behind our back are dropped and `DiskFailed`.
   */
  read(buffer: Uint8Array, offset: number): Promise<number>
  /** Keeps the task from being deleted while somebody reads; dispose to release. */
  lease(): Disposable
  /** Changes how long the task is kept. */
  retain(retention: Retention): void
  /** The content was checked and has this digest, e.g. `sha256:...`; forgotten when a piece is dropped. */
  recordVerified(digest: string): void
  isVerified(digest: string): boolean
  /** The complete content has this digest: `findContent` finds it. Implies `recordVerified`. */
  recordContentDigest(digest: string): void
  /**
   * Takes the whole content of another task of the same length, which both then share where the medium can (a hard link);
   * otherwise it is copied. Fails with `InvalidArgument` when the other is not complete or this one receives a piece.
   */
  adopt(from: StoredTask): Promise<void>
  /**
   * Puts the whole content (or a range of it) at `path`, all or nothing: hard link, reflink or copy, in that order, under a
   * temporary name and then renamed. The task must hold every byte asked for.
   *
   * A hard link shares its bytes with the store. So that nobody changes what other hosts get by editing the output in
   * place, the shared file is made read-only (mode 0444 under the usual umask) before it is linked; root can still write
   * to it. Copies are ordinary files. Content that is sealed or in memory is always copied.
   *
   * Errors: `OutputExists` (also a directory), `OutputUnwritable`, `DiskFull`, `DiskFailed`, `PieceNotFound`,
   * `InvalidArgument` for a range outside the content or a hard link of a part.
   */
  exportTo(path: string, options: ExportOptions): Promise<ExportMethod>
}

/** What is not given stays as it is. */
export interface Retention {
  readonly isPinned?: boolean
  /** `null` = never. */
  readonly expiresAt?: number | null
  readonly policy?: string
}

export interface ExportOptions {
  readonly overwrite: boolean
  /** Only a hard link will do; anything else is an error. */
  readonly forceHardLink: boolean
  readonly range?: ExportRange
  /** Copies what can be neither linked nor cloned. Default: the store does, in turns with all else on its thread. */
  readonly copier?: ContentCopier
  readonly signal?: AbortSignal
}

/**
 * Copies bytes of a content into a file. When it settles nothing writes any more. Errors: those of `copyHere`, the signal's
 * reason.
 */
export type ContentCopier = (copy: ContentCopy, signal?: AbortSignal) => Promise<void>

export interface ContentCopy {
  /** Of the content. The file begins with its first byte. */
  readonly range: ExportRange
  /** A new, empty file. */
  readonly path: string
  /** What the file will be called: for messages. */
  readonly name: string
  /**
   * Has the store copy a part of the range after all, e.g. bytes that have moved. It drops pieces that cannot be read. Errors:
   * those of `StoredTask.read`; of the file as Node names them.
   */
  copyHere(part: ExportRange): Promise<void>
}

/** Bytes of a content. */
export interface ExportRange {
  readonly start: number
  readonly length: number
}

export type ExportMethod = 'link' | 'copy'

/** The right to write one piece. Used once: by `commit` or `abort`. */
export interface PieceReservation {
  readonly number: number
  readonly offset: number
  readonly length: number
  readonly place: ContentPlace
  /**
   * All bytes are in place and have these digests: records the piece as held. Errors: `PieceCorrupt` (not what was expected),
   * `InvalidArgument` (a sealed place without a seal), `DiskFull`, `DiskFailed`. The reservation ends either way.
   */
  commit(
    facts: PieceFacts & { readonly digests: PieceDigests; readonly seal?: PieceSeal },
  ): Promise<PieceRecord>
  /** Safe after commit and more than once. */
  abort(): void
}

/** Receives one piece in order. Nothing counts until `commit`. */
export interface PieceWriter {
  /** Bytes written so far. */
  readonly written: number
  /** What all bytes of the piece hash to; `PeerProtocol` before the last is written. */
  readonly digests: PieceDigests
  /**
   * The chunk may be reused by the caller as soon as the promise resolves. Await each call before the next. Errors:
   * `PeerProtocol` (more bytes than the piece has), `DiskFull`, `DiskFailed`.
   */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Checks length and, when given, digests; then records the piece as held.
   * Errors: `PieceCorrupt` (a digest differs), `PeerProtocol` (length differs).
   */
  commit(facts: PieceFacts): Promise<PieceRecord>
  /** Forgets what was written. Safe after commit and more than once. */
  abort(): void
}

export interface PieceFacts {
  readonly parentId: string
  readonly trafficType: TrafficType
  readonly costMs: number
  /** What the bytes must hash to, as far as somebody knows; computed and recorded in any case. */
  readonly expected?: ExpectedDigests
}

export interface ExpectedDigests {
  readonly crc32?: number
  readonly blake3?: Uint8Array
}
