import { lstat, mkdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { DfError } from '@damselfly/core'
import type { DataDir } from './data-dir.ts'

/** Creates the directories for files of a running process. They are the user's alone: others could replace a socket. */
export async function prepareDirs(data: DataDir, socketPaths: readonly string[]): Promise<void> {
  for (const dir of [data.run, data.log]) await makeDir(dir)
  for (const path of socketPaths) {
    const dir = dirname(path)
    if (dir === data.run) continue
    await makeDir(dir)
    await checkOwner(dir)
  }
}

async function makeDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DfError(
      'DiskFailed',
      `The directory ${dir} cannot be created: ${why}. Choose another data directory with --data-dir.`,
      { cause, details: { dir } },
    )
  }
}

/** Below the common temporary directory somebody else may have been first. */
async function checkOwner(dir: string): Promise<void> {
  const stat = await lstat(dir)
  if (stat.isDirectory() && stat.uid === userInfo().uid && (stat.mode & 0o022) === 0) return
  throw new DfError(
    'DiskFailed',
    `The directory ${dir} for sockets belongs to another user or may be written by others: remove it, or choose a shorter data directory with --data-dir.`,
    { details: { dir } },
  )
}
