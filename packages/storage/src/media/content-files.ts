import { dirname, join } from 'node:path'
import { DfError, type Disk, type DiskFile, errorCode, type Log } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'

/** Names come from other hosts' ids and become file names. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,219}$/

/** Path of a content. Throws `InvalidArgument` for a name that could lead outside. */
export function contentPath(directory: string, name: string): string {
  if (safeName.test(name)) return join(directory, prefixOf(name), name)
  const message = `The content ${JSON.stringify(name)} cannot be stored: only letters, digits, ".", "_" and "-" are allowed in a task id.`
  throw new DfError('InvalidArgument', message, { details: { name } })
}

/** Creates the file of a content; `fill` gives it its size. A file that no task owns gives way. */
export async function createContentFile(
  disk: Disk,
  path: string,
  fill: (file: DiskFile) => Promise<void>,
): Promise<DiskFile> {
  let file: DiskFile | undefined
  try {
    file = await openNew(disk, path)
    await fill(file)
    return file
  } catch (error) {
    await file?.close().catch(() => {})
    await disk.remove(path).catch(() => {})
    throw diskError(error, 'Creating a file', path)
  }
}

async function openNew(disk: Disk, path: string): Promise<DiskFile> {
  try {
    return await disk.open(path, 'wx+')
  } catch (error) {
    if (errorCode(error) === 'EEXIST') await disk.remove(path)
    else if (errorCode(error) === 'ENOENT') await disk.mkdir(dirname(path))
    else throw error
    return await disk.open(path, 'wx+')
  }
}

/** What lies in the directories of contents, by their names: the bytes of each name, -1 for what is no file. */
export type FoundFiles = Map<string, ReadonlyMap<string, number>>

/** Removes content that no task owns. Directories that are in `found` are not read again. */
export async function removeOrphans(
  place: { directory: string; found: FoundFiles; isOwned: (name: string) => boolean },
  disk: Disk,
  log: Log,
): Promise<void> {
  const { directory, found, isOwned } = place
  for (const prefix of await disk.readdir(directory)) {
    const path = join(directory, prefix)
    const names = found.get(prefix)?.keys() ?? (await namesIn(disk, path))
    for (const name of names) {
      if (prefixOf(name) === prefix && isOwned(name)) continue
      log.warn({ path: join(path, name) }, 'content without a task removed')
      await disk.remove(join(path, name))
    }
  }
}

/** A file that lies where only directories belong is nobody's. */
async function namesIn(disk: Disk, path: string): Promise<string[]> {
  try {
    return await disk.readdir(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOTDIR') throw error
    await disk.remove(path)
    return []
  }
}

/** The directory of a content. */
export const prefixOf = (name: string): string => name.slice(0, 3)
