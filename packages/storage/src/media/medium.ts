import type { ContentPlace } from '../place/content-place.ts'
import type { TaskSpec } from '../store.ts'
import type { NameSyncs } from './name-syncs.ts'

/**
 * Where the bytes of tasks lie. The store does the rest: what is held, verified, sealed, shared and forgotten. A plug-in is a
 * module that exports `openMedium`; it has to pass the conformance suite (`@damselfly/storage/conformance`).
 *
 * A name is given to one content only, for ever: letters, digits, ".", "_", "-" and "@", 220 characters at most.
 */
export interface Medium {
  /** Recorded with each task. */
  readonly name: string
  /** What is here is still here when the process has ended. */
  readonly isKept: boolean
  /** Makes room for a content. Fails with the `DfError` `DiskFull` when it does not fit. */
  create(request: ContentRequest): Promise<Content>
  /** A content of an earlier run; `undefined` when it is gone or shorter than it has to be. A promise only where it takes time. */
  attach(request: ContentRequest): Promise<Content | undefined> | Content | undefined
  /** Removes what is not owned: what a crash between a content and its record has left. */
  sweep(isOwned: (name: string) => boolean): Promise<void>
  /** A second content with the bytes of the first, which are complete and will not change; `undefined` = copy them. */
  share?(from: Content, request: ContentRequest): Promise<Content | undefined>
  space(): Promise<{ totalBytes: number; freeBytes: number }>
  close(): Promise<void>
}

export interface ContentRequest {
  readonly name: string
  readonly sizeBytes: number
  readonly spec: TaskSpec
  /** Its pieces are sealed. */
  readonly isSealed: boolean
  /** Only some of it will be written: nothing needs to be allocated beforehand. */
  readonly isPartial: boolean
}

/** The bytes of one task. Errors have the codes of Node's: ENOSPC when the medium is full, ENOENT when the content is gone. */
export interface Content {
  readonly place: ContentPlace
  /** Set when pieces are sealed before they come here. */
  readonly key?: Uint8Array
  /** The file that is the plain content and nothing else, which an export may link or clone. */
  readonly file?: string
  /** How many bytes were read; fewer than asked for only at the end. */
  read(buffer: Uint8Array, offset: number): Promise<number>
  /** At most 1 MiB a call; the caller leaves the bytes alone until the promise resolves. */
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** What was written before survives a power cut when this resolves, and `names` have run if something was added to them. */
  sync(names?: NameSyncs): Promise<void>
  /** Bytes of the medium that are taken already, though they may not be written. */
  allocatedBytes?(): Promise<number>
  /** Everything is written. */
  settle?(): void
  /** Something is to be written again. False when others share the bytes: they must be moved first. */
  unsettle?(): Promise<boolean>
  /** Gives the bytes up. With `isRead` they can be read until `close`. */
  remove(isRead: boolean): Promise<void>
  /** Nobody uses this object any more, nor has a place of it open. */
  close(): void
}
