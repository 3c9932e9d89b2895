import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { errorCode } from '@damselfly/core'

/** run/up.json: what a running `damselfly up` serves. */
export interface UpFile {
  readonly pid: number
  readonly version: string
  readonly startedAt: string
  readonly scheduler: string
  readonly seed: UpDaemon
  readonly peer: UpDaemon
}

export interface UpDaemon {
  readonly socketPath: string
  /** `host:port` of the daemons' API, the piece server, and the HTTP servers. */
  readonly grpc: string
  readonly pieces: string
  readonly health: string
  readonly metrics: string
}

/** `undefined` when there is none, or when it is not one that this version can use. */
export async function readUpFile(path: string): Promise<UpFile | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    return isUpFile(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Appears at once with all its content: `get` may read it at any time. */
export async function writeUpFile(path: string, file: UpFile): Promise<void> {
  const temporary = `${path}.${file.pid}`
  await writeFile(temporary, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, path)
}

/** Removes the file of the process `pid`; that of another stays. */
export async function removeUpFile(path: string, pid: number): Promise<void> {
  if ((await readUpFile(path))?.pid === pid) await rm(path, { force: true })
}

function isUpFile(value: unknown): value is UpFile {
  if (typeof value !== 'object' || value === null) return false
  const { pid, scheduler, peer } = value as Partial<Record<keyof UpFile, unknown>>
  return typeof pid === 'number' && typeof scheduler === 'string' && isUpDaemon(peer)
}

function isUpDaemon(value: unknown): value is UpDaemon {
  if (typeof value !== 'object' || value === null || !('socketPath' in value)) return false
  return typeof value.socketPath === 'string'
}
