import { join } from 'node:path'
import { DfError, type Disk, errorCode, type Log, type TaskId } from '@damselfly/core'
import { diskError } from './disk-errors.ts'

/** Ids come from other hosts and become file names. */
const safeId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/

/** Where things are in the store directory (interop.md 10). */
export interface StoreLayout {
  readonly lock: string
  readonly content: string
  readonly tasks: string
  readonly metadata: string
  readonly database: string
}

export function storeLayout(dir: string): StoreLayout {
  const content = join(dir, 'content')
  const metadata = join(dir, 'metadata')
  return {
    lock: join(dir, 'lock'),
    content,
    tasks: join(content, 'tasks'),
    metadata,
    database: join(metadata, 'tasks.sqlite'),
  }
}

/** Path of a task's content. Throws `InvalidArgument` for an id that could name something outside. */
export function contentPath(layout: StoreLayout, taskId: TaskId): string {
  if (!safeId.test(taskId)) {
    const message = `The task id ${JSON.stringify(taskId)} cannot be stored: only letters, digits, ".", "_" and "-" are allowed.`
    throw new DfError('InvalidArgument', message, { details: { taskId } })
  }
  return join(layout.tasks, prefixOf(taskId), taskId)
}

/** Creates the sparse file of a task. A file that no task owns gives way. */
export async function createContentFile(
  disk: Disk,
  path: string,
  sizeBytes: number,
): Promise<void> {
  try {
    await disk.mkdir(join(path, '..'))
    const file = await openNew(disk, path)
    try {
      await file.truncate(sizeBytes)
    } finally {
      await file.close()
    }
  } catch (error) {
    await disk.remove(path).catch(() => {})
    throw diskError(error, `Creating a file of ${sizeBytes} bytes`, path)
  }
}

async function openNew(disk: Disk, path: string) {
  try {
    return await disk.open(path, 'wx+')
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    await disk.remove(path)
    return await disk.open(path, 'wx+')
  }
}

/** Removes content that no task owns: what a crash between a file and its row has left. */
export async function removeOrphans(
  disk: Disk,
  layout: StoreLayout,
  isOwned: (name: string) => boolean,
  log: Log,
): Promise<void> {
  for (const prefix of await disk.readdir(layout.tasks)) {
    const directory = join(layout.tasks, prefix)
    if ((await disk.stat(directory))?.isDirectory !== true) {
      await disk.remove(directory)
      continue
    }
    for (const name of await disk.readdir(directory)) {
      if (prefixOf(name) === prefix && isOwned(name)) continue
      log.warn({ path: join(directory, name) }, 'content without a task removed')
      await disk.remove(join(directory, name))
    }
  }
}

const prefixOf = (taskId: string): string => taskId.slice(0, 3)
