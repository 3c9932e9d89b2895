import { type Clock, type Disk, type Log, pieceGeometry } from '@damselfly/core'
import type { PieceStore } from '../store.ts'
import { contentPath, removeOrphans, type StoreLayout, storeLayout } from './content-files.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { diskError } from './disk-errors.ts'
import { DiskStore } from './disk-store.ts'
import { DiskTask, type DiskTaskDeps } from './disk-task.ts'
import { Metadata, type TaskRow } from './metadata.ts'
import { OpenFiles } from './open-files.ts'
import { PieceTable } from './piece-table.ts'

export interface DiskStoreOptions {
  /** The store directory; created when missing. One process at a time may have it open. */
  readonly dir: string
  /** False empties the store at the start. */
  readonly keep: boolean
  readonly clock: Clock
  /** Content files. The metadata and the lock are SQLite databases, which always use the operating system. */
  readonly disk: Disk
  readonly log: Log
  /** How many content files stay open for the next use. Default 64. */
  readonly maxOpenFiles?: number
}

/**
 * Opens the piece store under a directory: `content/tasks/<first 3 characters>/<task id>` is the sparse content,
 * `metadata/tasks.sqlite` says which pieces of it count, `lock` is held while the store is open. A piece is written
 * first and recorded second, a file is created before its row and removed after it: a crash at any point leaves bytes
 * that nobody counts, never a record without bytes. (Losing power is different: the kernel may lose bytes it has
 * accepted.)
 *
 * Errors: `AlreadyRunning` when the directory is in use, `InvalidConfig` when another version wrote it, `DiskFailed`.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<PieceStore> {
  const { dir, disk, keep } = options
  const layout = storeLayout(dir)
  await attempt(`Creating the store directory`, dir, () => disk.mkdir(dir))
  const lock = lockDirectory(dir, layout.lock)
  try {
    await attempt('Preparing the store directory', dir, async () => {
      if (!keep) {
        await disk.remove(layout.content)
        await disk.remove(layout.metadata)
      }
      await disk.mkdir(layout.tasks)
      await disk.mkdir(layout.metadata)
    })
    return await openLocked(options, layout, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openLocked(
  { clock, disk, log, maxOpenFiles = 64 }: DiskStoreOptions,
  layout: StoreLayout,
  lock: DirectoryLock,
): Promise<DiskStore> {
  const metadata = Metadata.open(layout.database)
  try {
    const files = new OpenFiles({ max: maxOpenFiles }, { disk, log })
    const deps = { clock, disk, log, files, metadata }
    const tasks = await attempt('Reading the store', layout.content, () => loadTasks(layout, deps))
    return new DiskStore(tasks, { ...deps, layout, lock })
  } catch (error) {
    metadata.close()
    throw error
  }
}

async function loadTasks(layout: StoreLayout, deps: DiskTaskDeps): Promise<DiskTask[]> {
  const { disk, log, metadata } = deps
  const rows: TaskRow[] = []
  for (const row of metadata.tasks()) {
    const path = contentPath(layout, row.spec.taskId)
    const file = await disk.stat(path)
    if (file?.isFile === true && file.sizeBytes >= row.spec.contentLength) {
      rows.push(row)
      continue
    }
    const { taskId, contentLength } = row.spec
    log.warn(
      { taskId, path, contentLength, sizeBytes: file?.sizeBytes },
      'task without its content dropped',
    )
    metadata.deleteTask(row.row)
  }
  const owned = new Set<string>(rows.map(({ spec }) => spec.taskId))
  await removeOrphans(disk, layout, (name) => owned.has(name), log)
  return readPieces(rows, metadata).map(
    ({ row, table }) =>
      new DiskTask(
        {
          ...row,
          path: contentPath(layout, row.spec.taskId),
          updatedAt: Math.max(row.updatedAt, table.lastCreatedAt),
          table,
        },
        deps,
      ),
  )
}

function readPieces(rows: TaskRow[], metadata: Metadata): { row: TaskRow; table: PieceTable }[] {
  const loaded = rows.map((row) => {
    const geometry = pieceGeometry(row.spec.contentLength, row.spec.pieceLength)
    return { row, table: new PieceTable(geometry) }
  })
  const tables = new Map(loaded.map(({ row, table }) => [row.row, table]))
  metadata.parents((task, number, peerId) => tables.get(task)?.addParent(number, peerId))
  metadata.pieces((task, piece) => tables.get(task)?.add(piece))
  return loaded
}

async function attempt<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw diskError(error, doing, path)
  }
}
