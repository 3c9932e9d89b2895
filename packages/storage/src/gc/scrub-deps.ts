import type { Clock, Log, TaskId } from '@damselfly/core'
import type { ScrubTask } from './scrub-order.ts'

/** Where the scrub is; plain data, so that anything can keep it. Meaningless to others. */
export interface ScrubCursor {
  /** When this round through the store began, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** The next piece; absent = the round is over. */
  readonly next?: { readonly taskId: string; readonly number: number }
}

export interface ScrubOptions {
  /** Bytes read per second. */
  readonly bytesPerSec: number
  /** A round begins this long after the one before it began, at the earliest; pieces that came since then are not read. */
  readonly intervalMs: number
}

export interface ScrubDamage {
  readonly taskId: TaskId
  readonly number: number
  readonly bytes: number
  /** `damaged`: its bytes are not what came, and it was dropped. `unreadable`: the disk did not give it. */
  readonly kind: 'damaged' | 'unreadable'
  readonly error?: unknown
}

export interface ScrubDeps {
  readonly store: { list(): Iterable<ScrubTask>; get(taskId: TaskId): ScrubTask | undefined }
  readonly clock: Clock
  readonly log: Log
  /** Uploads or downloads run, which must not be slowed down. */
  readonly isBusy?: () => boolean
  readonly onDamage?: (damage: ScrubDamage) => void
  readonly onVerified?: (bytes: number) => void
  /** `undefined` = from the beginning. A failure is logged and means the same. */
  readonly loadCursor?: () => Promise<ScrubCursor | undefined>
  readonly saveCursor?: (cursor: ScrubCursor) => Promise<void>
}
