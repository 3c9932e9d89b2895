import { DatabaseSync } from 'node:sqlite'
import { DfError } from '@damselfly/core'
import { diskError, isSqliteBusy } from './disk-errors.ts'

export interface DirectoryLock {
  release(): void
}

/**
 * Claims a directory for this process by an exclusive transaction on the empty database `path`. The kernel drops the
 * lock with the process, so a `kill -9` leaves nothing behind, and no process id has to be believed. A database of its
 * own, because the metadata database may be wiped while the lock is held.
 */
export function lockDirectory(dir: string, path: string): DirectoryLock {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // The journal stays in memory: nothing is ever written, and no file may be left beside the lock.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (!isSqliteBusy(error)) throw diskError(error, 'Locking the store directory', path)
    throw new DfError(
      'AlreadyRunning',
      `The directory ${dir} is in use by another process. Stop that process or configure another storage directory.`,
      { cause: error, details: { dir } },
    )
  }
  const held = database
  return { release: () => held.close() }
}
