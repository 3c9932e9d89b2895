import { readFileSync } from 'node:fs'
import type { Clock, Disk, Log } from '@damselfly/core'
import { lockDirectory } from './directory-lock.ts'
import { diskError } from './disk-errors.ts'
import { CommitLog } from './engine/commit-log.ts'
import { type CrashPoint, noCrash } from './engine/crash-points.ts'
import type { EngineDeps } from './engine/engine-deps.ts'
import { loadTasks } from './engine/load-tasks.ts'
import { EngineStore } from './engine/piece-store.ts'
import { RowDeletions } from './engine/row-deletions.ts'
import { SyncPoints } from './engine/sync-points.ts'
import { UnsealedPieces } from './engine/unsealed-pieces.ts'
import type { DirectIO } from './media/disk-medium.ts'
import type { KeyFor } from './media/sealed-medium.ts'
import { BlockCache } from './metadata/block-cache.ts'
import { Metadata } from './metadata/metadata.ts'
import { type MediaOptions, openMedia } from './open-media.ts'
import { usableMemory } from './place/large-content.ts'
import type { PieceStore } from './store.ts'
import { type StoreLayout, storeLayout } from './store-layout.ts'

export interface StoreOptions {
  /** The store directory; created when missing. One process at a time may have it open. A memory store needs none. */
  readonly dir: string
  /** False empties the store at the start. */
  readonly keep: boolean
  readonly clock: Clock
  /** Content files and syncs. The metadata and the lock are SQLite databases, which always use the operating system. */
  readonly disk: Disk
  readonly log: Log
  /** Where the bytes lie. Default: on the disk. */
  readonly media?: MediaOptions
  /**
   * What a power cut may cost; a killed process costs nothing in either. `fast` (default): pieces of the last half minute.
   * `durable`: nothing that `commit` returned.
   */
  readonly mode?: 'fast' | 'durable'
  /** Seals every piece of new tasks with the key of its tenant. */
  readonly keyFor?: KeyFor
  /** Files of whole tasks get their blocks when they are created. Default true. */
  readonly preallocate?: boolean
  /** Worker threads write past the page cache. Default `auto`: contents that are large beside `memoryBytes`, while the disk keeps up. */
  readonly directIO?: DirectIO
  /** What this process may use, bytes. Default: all that the machine, or the container, has. */
  readonly memoryBytes?: number
  /** How many content files stay open for the next use. Default 64. */
  readonly maxOpenFiles?: number
  /** Time between sync points. Default 30 s. */
  readonly syncIntervalMs?: number
  /** Tells one run of the kernel from another. Default: what the kernel says. */
  readonly bootId?: string
  /** For crash tests. */
  readonly crash?: CrashPoint
}

const defaults = {
  media: { kind: 'disk' },
  mode: 'fast',
  preallocate: true,
  directIO: 'auto',
  maxOpenFiles: 64,
  syncIntervalMs: 30_000,
  crash: noCrash,
} as const satisfies Partial<StoreOptions>

/** Claimed together: one write for so many tasks. */
const livesAtATime = 1_000_000

/** Options with nothing left open. */
type FullOptions = StoreOptions & Required<Omit<StoreOptions, 'keyFor' | 'bootId'>>

/**
 * Opens a piece store. On disk that is a directory: `content/tasks` holds the bytes, `metadata/tasks.sqlite` says which of them
 * count, `lock` is held while the store is open; docs/store-format.md tells all of it. A piece is written first and recorded
 * second, a content is created before its row and removed after it: a crash at any point leaves bytes that nobody counts, never
 * a record without bytes. After a power cut the kernel may have lost bytes that it had accepted: what was recorded since the
 * last sync point is compared with its BLAKE3 here, before anybody gets to see it.
 *
 * Errors: `AlreadyRunning` when the directory is in use, `InvalidConfig` when another version wrote it or an option cannot be,
 * `DiskFailed`.
 */
export async function openStore(given: StoreOptions): Promise<PieceStore> {
  const options: FullOptions = { ...defaults, memoryBytes: usableMemory(), ...given }
  const layout = storeLayout(options.dir)
  if (options.media.kind === 'memory') {
    return await openEngine(options, { ...layout, database: ':memory:' }, () => {})
  }
  const { dir, disk, keep, crash } = options
  await attempt('Creating the store directory', dir, () => disk.mkdir(dir))
  const lock = lockDirectory(dir, layout.lock)
  try {
    crash('open:locked')
    await attempt('Preparing the store directory', dir, async () => {
      if (!keep) {
        await disk.remove(layout.content)
        await disk.remove(layout.metadata)
      }
      await disk.mkdir(layout.tasks)
      await disk.mkdir(layout.metadata)
    })
    crash('open:directories')
    return await openEngine(options, layout, () => lock.release())
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openEngine(
  options: FullOptions,
  layout: StoreLayout,
  release: () => void,
): Promise<PieceStore> {
  const metadata = Metadata.open(layout.database)
  try {
    options.crash('open:metadata')
    const { epoch, ...epochs } = readEpochs(metadata, options)
    const { clock, disk, log, crash, keyFor } = options
    const { media, tiering } = await openMedia(options, layout)
    const own = { clock, disk, log, crash, metadata }
    const deps: EngineDeps = {
      ...own,
      media,
      blocks: new BlockCache(metadata),
      commits: new CommitLog({ isDurable: options.mode === 'durable' }, own),
      deletions: new RowDeletions(metadata),
      syncPoints: new SyncPoints({ epoch, intervalMs: options.syncIntervalMs }, own),
      unsealed: new UnsealedPieces(),
      nextLife: countLives(metadata),
    }
    tiering?.attach(deps)
    const isSealed = keyFor !== undefined
    const store = new EngineStore({ deps, isSealed, release, ...(tiering && { tiering }) })
    const { events } = store
    const tasks = await attempt('Reading the store', layout.content, () =>
      loadTasks(deps, { events, ...epochs }),
    )
    for (const task of tasks) store.restore(task)
    metadata.setState('boot_id', bootIdOf(options))
    crash('open:ready')
    deps.syncPoints.start()
    return store
  } catch (error) {
    await metadata.close()
    throw error
  }
}

/** The epoch of this run, and the last one that has to be on the disk when the kernel is not the one that wrote it. */
function readEpochs(metadata: Metadata, options: FullOptions) {
  const synced = Number(metadata.state('synced_epoch') ?? 0)
  const writtenUnder = metadata.state('boot_id')
  const isSameKernel = writtenUnder === undefined || writtenUnder === bootIdOf(options)
  return {
    epoch: Math.max(synced, metadata.lastEpoch()) + 1,
    trustedEpoch: isSameKernel ? undefined : synced,
    syncedEpoch: synced,
  }
}

/** Where the kernel has no such id, every opening is as after a power cut: nothing equals the empty id's replacement. */
function bootIdOf({ bootId }: FullOptions): string {
  if (bootId !== undefined) return bootId
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `unknown, process ${process.pid} at ${performance.timeOrigin}`
  }
}

/** Never the same number twice, in later runs neither: an old row that a power cut brings back must not find new bytes. */
function countLives(metadata: Metadata): () => number {
  let [life, end] = [0, 0]
  return () => {
    life += 1
    if (life >= end) {
      life = Number(metadata.state('lives') ?? 1)
      end = life + livesAtATime
      metadata.setState('lives', String(end))
    }
    return life
  }
}

async function attempt<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw diskError(error, doing, path)
  }
}
