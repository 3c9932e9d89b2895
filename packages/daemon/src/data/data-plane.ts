import type { DigestAlgorithm, PieceGeometry, Running } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { SourceReadOptions, SourceRequest } from '@damselfly/sources'
import type { ContentCopier, PieceFacts, PieceRecord, StoredTask } from '@damselfly/storage'
import type {
  FetchedPiece,
  PeerAddress,
  PeerIdentity,
  PieceServer,
  TaskFamily,
} from '@damselfly/transport'

/** A piece to be fetched from a peer into the store. */
export interface PieceOrder {
  readonly peer: PeerAddress
  readonly stored: StoredTask
  readonly number: number
  /** Nobody waits for it: our own kind of peer serves others first. */
  readonly isBackground: boolean
  /** Another copy of the piece is on its way already: this one is kept in memory until it is committed. */
  readonly isSecond?: boolean
}

/** All bytes of a piece are at their place, hashed; they count when they have been committed. */
export interface ArrivedPiece {
  /** What the sender said of it. */
  readonly header: FetchedPiece
  /** What the bytes hash to. */
  readonly digests: PieceDigests
  /** Errors: those of `PieceWriter.commit`. */
  commit(facts: PieceFacts): Promise<PieceRecord>
  /** Forgets the bytes. Safe after commit. */
  abort(): void
}

/** Hashes the content of a task, piece after piece. */
export interface ContentHasher extends Disposable {
  /** The pieces must come in order. Errors: those of `StoredTask.read`, the signal's reason. */
  update(stored: StoredTask, number: number, signal: AbortSignal): Promise<void>
  /** `<algorithm>:<value>` of what came. The hasher is used up. */
  digest(): Promise<string>
}

/** A piece that came in one go with others. */
export interface CutPiece extends Omit<ArrivedPiece, 'header'> {
  readonly number: number
  readonly costMs: number
}

/** What to read from an origin. */
export interface SourceOrder {
  readonly request: SourceRequest
  readonly options: Omit<SourceReadOptions, 'signal'>
  readonly stored: StoredTask
  readonly geometry: PieceGeometry
}

/** Decides what becomes of a body, piece by piece. */
export interface BodyDesk {
  /** The body begins at this byte of the content. False: it is not wanted after all. */
  begins(start: number): boolean
  /** What to do with the piece that comes next; `end` leaves the body. */
  next(piece: number): Promise<'keep' | 'skip' | 'end'>
  /** A piece that was kept is complete. */
  arrived(piece: CutPiece): Promise<void>
}

/** What the piece server asks of the daemon. */
export interface UploadDesk {
  /** Finds what a child asks for; `PieceNotFound` when it is not here, or not to be shared. */
  find(family: TaskFamily, taskId: string, number: number): FoundPiece
  /** Bytes of content that went out, as they travelled: fewer than those of the pieces where these were packed. */
  sent(bytes: number): void
}

/** A piece that is here and stays here until `release`. */
export interface FoundPiece {
  readonly stored: StoredTask
  readonly record: PieceRecord
  /** Called exactly once, when sending has ended in any way. `isSuspect`: the bytes could not be read as they should. */
  release(sentBytes: number, isSuspect?: boolean): void
}

/**
 * Where the bytes of pieces flow: from sockets into the store and from the store into sockets. Either on threads of its
 * own, so that the control thread never waits for bytes, or on the calling thread over the seams (tests, simulation).
 */
export interface DataPlane {
  /**
   * Resolves when all bytes are there. When it rejects nothing writes any more. Errors: those of `PeerLinks.fetch`,
   * `DiskFull`, `DiskFailed`, the signal's reason.
   */
  receive(order: PieceOrder, signal: AbortSignal): Promise<ArrivedPiece>
  /**
   * Reads from an origin and cuts the body into pieces. Resolves when the desk has taken in the last one. Errors: those of
   * `Source.read`, of the store, of the desk.
   */
  readSource(order: SourceOrder, desk: BodyDesk, signal: AbortSignal): Promise<void>
  /** Reads what is stored and hashes it. */
  hasher(algorithm: DigestAlgorithm): ContentHasher
  /** Copies content into files, for `exportTo`; `undefined` when its store had better do that itself. */
  copier(stored: StoredTask): ContentCopier | undefined
  /** Serves pieces to other hosts. Once. */
  serve(options: ServeOptions, desk: UploadDesk): Promise<PieceServing>
  /** After the server has been stopped. */
  close(): Promise<void>
}

export type PieceServing = Running & Pick<PieceServer, 'endpoint' | 'secureEndpoint'>

export interface ServeOptions {
  readonly listen: { readonly host: string; readonly port: number }
  /** How long `stop` lets answers under way go on. */
  readonly graceMs: number
  /** Bytes per second to all children together. */
  readonly bytesPerSec: number
  /** Other rates at other times of the day: `08:00-18:00=10MB`. */
  readonly rateTable: readonly string[]
  /** Bytes per second of one task; `undefined` = no limit of its own. */
  readonly taskBytesPerSec?: number | undefined
  /** Pieces being sent at once. */
  readonly slots: number
  /** A child that takes less while it is waited for is dropped; 0 = none. */
  readonly minBytesPerSec: number
  /** Send pieces that shrink in zstd to those who take them and are behind slow links. */
  readonly isPacking: boolean
  /** A second port with TLS 1.3, any free one of the same address. `isRequired`: our own kind is refused on the plain one. */
  readonly tls?: { readonly identity: PeerIdentity; readonly isRequired: boolean }
}
