import { constants, readdirSync, statSync } from 'node:fs'
import * as fs from 'node:fs/promises'

/** An open file. Offsets and lengths in bytes; short reads happen only at the end of the file. */
export interface DiskFile {
  read(buffer: Uint8Array, offset: number): Promise<number>
  write(buffer: Uint8Array, offset: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  sync(): Promise<void>
  /** Like `sync` without what is not needed to read the bytes back, such as times. */
  datasync(): Promise<void>
  close(): Promise<void>
  /** The system's number of the file, for calls that Node has not; absent where there is no such thing. */
  readonly descriptor?: number
}

export interface DiskStat {
  sizeBytes: number
  isDirectory: boolean
  isFile: boolean
  /** Identity of the file on its device; equal for hard links to the same content. */
  inode: string
  /** Names of the file, hard links included. */
  links: number
  /** What the file takes on the device: less than its size when it is sparse. */
  allocatedBytes: number
}

/** Files. Engines take a `Disk`, never `node:fs`. Errors are Node's, with `code` (ENOENT, EEXIST, ENOSPC ...). */
export interface Disk {
  /** `r` = existing, read only; `r+` = existing, read and write; `wx+` = new, fails with EEXIST. */
  open(path: string, mode: 'r' | 'r+' | 'wx+'): Promise<DiskFile>
  /** `undefined` when nothing is there. */
  stat(path: string): Promise<DiskStat | undefined>
  mkdir(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  /** Bytes of the files in a directory by name, -1 for what is no file; empty when it is not there. For very many files. */
  sizes(path: string): Promise<ReadonlyMap<string, number>>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  /** Makes `to` share the blocks of `from` (reflink). False where the file system cannot. `to` must not exist. */
  clone(from: string, to: string): Promise<boolean>
  /** Gives the owner the right to write the file, or takes it from everybody. Where there are no modes, nothing happens. */
  setWritable(path: string, writable: boolean): Promise<void>
  /** Removes a file or a tree; nothing there is fine. */
  remove(path: string): Promise<void>
  /** Makes the names in a directory survive a power cut. Where directories cannot be synced, nothing happens. */
  syncDirectory(path: string): Promise<void>
  /** Bytes of the file system that holds `path`. */
  space(path: string): Promise<{ totalBytes: number; freeBytes: number }>
}

const writeBits = 0o222
const ownerWriteBit = 0o200
/** The unit of `st_blocks`, whatever blocks the file system has. */
const statBlockBytes = 512

/** The operating system's files. */
export const systemDisk: Disk = {
  async open(path, mode) {
    return openSystemFile(await fs.open(path, mode))
  },
  async stat(path) {
    try {
      const s = await fs.stat(path)
      return {
        sizeBytes: s.size,
        isDirectory: s.isDirectory(),
        isFile: s.isFile(),
        inode: `${s.dev}:${s.ino}`,
        links: s.nlink,
        allocatedBytes: s.blocks * statBlockBytes,
      }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  },
  async mkdir(path) {
    await fs.mkdir(path, { recursive: true })
  },
  readdir: (path) => fs.readdir(path),
  async sizes(path) {
    const sizes = new Map<string, number>()
    let names: string[]
    try {
      names = readdirSync(path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return sizes
      throw error
    }
    for (const name of names) {
      // A thread of the pool and a promise for each would cost ten times what the system takes to answer.
      const found = statSync(`${path}/${name}`, { throwIfNoEntry: false })
      if (found !== undefined) sizes.set(name, found.isFile() ? found.size : -1)
    }
    return sizes
  },
  rename: (from, to) => fs.rename(from, to),
  link: (from, to) => fs.link(from, to),
  async clone(from, to) {
    try {
      await fs.copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
      return true
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') await fs.rm(to, { force: true })
      return false
    }
  },
  async setWritable(path, writable) {
    const mode = (await fs.stat(path)).mode & 0o7777
    const wanted = writable ? mode | ownerWriteBit : mode & ~writeBits
    if (wanted !== mode) await fs.chmod(path, wanted)
  },
  async remove(path) {
    try {
      // Nearly always a file, for which `rm` would ask the system three times.
      await fs.unlink(path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') await fs.rm(path, { recursive: true, force: true })
    }
  },
  async syncDirectory(path) {
    let handle: fs.FileHandle | undefined
    try {
      handle = await fs.open(path, 'r')
      await handle.sync()
    } catch (error) {
      if (!['EISDIR', 'EINVAL', 'EPERM', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error
    } finally {
      await handle?.close()
    }
  },
  async space(path) {
    const s = await fs.statfs(path)
    return { totalBytes: s.blocks * s.bsize, freeBytes: s.bavail * s.bsize }
  },
}

function openSystemFile(handle: fs.FileHandle): DiskFile {
  return {
    descriptor: handle.fd,
    async read(buffer, offset) {
      let done = 0
      while (done < buffer.byteLength) {
        const { bytesRead } = await handle.read(
          buffer,
          done,
          buffer.byteLength - done,
          offset + done,
        )
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    },
    async write(buffer, offset) {
      let done = 0
      while (done < buffer.byteLength) {
        const { bytesWritten } = await handle.write(
          buffer,
          done,
          buffer.byteLength - done,
          offset + done,
        )
        done += bytesWritten
      }
    },
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    sync: () => handle.sync(),
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  }
}

/** Node's `code` of a system error, e.g. `ENOSPC`; `undefined` for anything else. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
