import type { Clock, Disk, Log } from '@damselfly/core'
import type { Medium } from '../media/medium.ts'
import type { BlockCache } from '../metadata/block-cache.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { CommitLog } from './commit-log.ts'
import type { CrashPoint } from './crash-points.ts'
import type { RowDeletions } from './row-deletions.ts'
import type { SyncPoints } from './sync-points.ts'
import type { UnsealedPieces } from './unsealed-pieces.ts'

/** What the parts of a store share. */
export interface EngineDeps {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly crash: CrashPoint
  readonly metadata: Metadata
  readonly blocks: BlockCache
  readonly commits: CommitLog
  readonly deletions: RowDeletions
  readonly syncPoints: SyncPoints
  readonly unsealed: UnsealedPieces
  /** The media in the order in which new tasks try them. */
  readonly media: readonly Medium[]
  /** A number that no content has had. */
  readonly nextLife: () => number
}
