import type { DigestAlgorithm, PieceGeometry } from '@damselfly/core'
import type { PieceDigests } from '@damselfly/core/hashing'
import type { SourceReadOptions } from '@damselfly/sources'
import type { ContentPlace, PieceSeal } from '@damselfly/storage'
import type { PieceCopy } from '@damselfly/storage/place'
import type {
  FetchedPiece,
  PeerAddress,
  PeerLinksOptions,
  PieceHeader,
  TaskFamily,
} from '@damselfly/transport'
import type { PieceServing, ServeOptions } from './data-plane.ts'
import type { LogLine } from './thread-log.ts'

// What control thread and data threads ask of each other. All arguments and answers survive structured clone.

export type ThreadRole = 'receive' | 'send'

export interface PieceSpot {
  readonly place: ContentPlace
  /** Of the piece in the content, bytes. */
  readonly span: { readonly offset: number; readonly length: number }
}

export interface ReceiveArgument extends PieceSpot {
  readonly peer: PeerAddress
  readonly taskId: string
  readonly number: number
  readonly isBackground: boolean
}

export interface ReceiveAnswer {
  readonly header: FetchedPiece
  readonly digests: PieceDigests
  readonly seal?: PieceSeal
}

export interface OpenArgument {
  readonly family: TaskFamily
  readonly taskId: string
  readonly number: number
}

export interface OpenAnswer extends PieceSpot {
  readonly header: PieceHeader
  readonly seal?: PieceSeal
  /** To be told with `released`. */
  readonly lease: number
}

export interface ReleasedArgument {
  readonly lease: number
  /** Of the piece. */
  readonly sentBytes: number
  /** The bytes could not be read as they should. */
  readonly isSuspect: boolean
  /** Of any piece, as they travelled, since the last message. */
  readonly wireBytes: number
}

/** The next piece of a content that is being hashed. */
export interface HashArgument extends PieceSpot {
  readonly session: number
  readonly algorithm: DigestAlgorithm
  readonly seal?: PieceSeal
}

/** Reading a body from an origin; the control thread decides about each piece by `reading`. */
export interface ReadSourceArgument {
  readonly reading: number
  /** A `URL` cannot be sent. */
  readonly url: string
  readonly header: Readonly<Record<string, string>>
  readonly options: Omit<SourceReadOptions, 'signal'>
  readonly geometry: PieceGeometry
}

export interface CutArgument extends Omit<ReceiveAnswer, 'header'> {
  readonly reading: number
  readonly number: number
  readonly costMs: number
}

/** How threads ask origins. */
export interface OriginSettings {
  readonly maxRetries: number
  readonly timeouts: {
    readonly connectMs: number
    readonly headersMs: number
    readonly idleMs: number
  }
}

/** What every thread works with. */
export interface ThreadSettings {
  readonly origins: OriginSettings
  readonly links: PeerLinksOptions
}

/** What a thread is told at its start. */
export interface ThreadData extends ThreadSettings {
  readonly role: ThreadRole
}

export type ServeAnswer = Pick<PieceServing, 'endpoint' | 'secureEndpoint'>

export type ReceiveMethods = {
  /** Fetches a piece and puts it at its place. */
  receive(argument: ReceiveArgument, signal: AbortSignal): Promise<ReceiveAnswer>
  /** Reads a body and puts the pieces that are kept at their places. */
  readSource(argument: ReadSourceArgument, signal: AbortSignal): Promise<void>
  hash(argument: HashArgument, signal: AbortSignal): void
  /** Ends a session; without an answer it is forgotten only. */
  digest(session: number, signal: AbortSignal): string | undefined
  copy(argument: PieceCopy, signal: AbortSignal): void
  stop(argument: undefined, signal: AbortSignal): Promise<void>
}

export type SendMethods = {
  serve(argument: ServeOptions, signal: AbortSignal): Promise<ServeAnswer>
  stop(argument: undefined, signal: AbortSignal): Promise<void>
}

/** What every thread may say. */
export type LogMethods = {
  log(line: LogLine, signal: AbortSignal): void
}

/** What a receiving thread asks while it reads a body. */
export type DeskMethods = LogMethods & {
  begins(argument: { reading: number; start: number }, signal: AbortSignal): boolean
  next(
    argument: { reading: number; number: number },
    signal: AbortSignal,
  ): Promise<PieceSpot | 'skip' | 'end'>
  /** The piece is whole and hashed. */
  cut(argument: CutArgument, signal: AbortSignal): void
  /** The body ended in the middle of the piece. */
  abandoned(argument: { reading: number; number: number }, signal: AbortSignal): void
}

/** What the sending thread asks. */
export type LeaseMethods = LogMethods & {
  open(argument: OpenArgument, signal: AbortSignal): OpenAnswer
  released(argument: ReleasedArgument, signal: AbortSignal): void
}
