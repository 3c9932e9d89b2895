import { type Disk, errorCode } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import type { Metadata } from '../metadata/metadata.ts'

/**
 * Makes everything recorded so far survive a power cut. SQLite would do so itself with `synchronous = FULL`, but on this
 * thread: here a thread of the pool waits for the disk.
 */
export async function syncLog(metadata: Metadata, disk: Disk): Promise<void> {
  const path = metadata.logPath
  if (path === undefined) return
  try {
    const file = await disk.open(path, 'r+')
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  } catch (error) {
    // Nothing has been recorded since the log was moved into the database.
    if (errorCode(error) === 'ENOENT') return
    throw diskError(error, "Syncing the store's metadata", path)
  }
}
