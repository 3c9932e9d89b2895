import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DfError, errorCode, formatDigest, parseDigest } from '@damselfly/core'
import { outputExists } from './check-output.ts'

/** An output that this process writes itself, under a temporary name until it is complete. */
export class ReceivedFile {
  readonly #path: string
  readonly #temporary: string
  readonly #handle: FileHandle

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.#path = path
    this.#temporary = temporary
    this.#handle = handle
  }

  /** The file beside `path` has the mode that Dragonfly's dfget gives, less the umask. */
  static async create(path: string): Promise<ReceivedFile> {
    const temporary = join(dirname(path), `.${basename(path).slice(0, 60)}.${randomUUID()}.part`)
    try {
      return new ReceivedFile(path, temporary, await open(temporary, 'wx', 0o644))
    } catch (error) {
      throw writeError(error, path)
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      let done = 0
      while (done < bytes.byteLength) {
        const rest = bytes.byteLength - done
        done += (await this.#handle.write(bytes, done, rest, position + done)).bytesWritten
      }
    } catch (error) {
      throw writeError(error, this.#path)
    }
  }

  /** Compares what is on disk now: the daemon vouches for its store, not for what arrived here. */
  async verify(digest: string): Promise<void> {
    const expected = parseDigest(digest)
    // Native code, which only this way of downloading needs.
    const { createAnyHasher } = await import('@damselfly/core/hashing')
    const hasher = createAnyHasher(expected.algorithm)
    for await (const chunk of createReadStream(this.#temporary)) hasher.update(chunk as Buffer)
    const actual = hasher.digest()
    if (actual === formatDigest(expected)) return
    throw new DfError(
      'DigestMismatch',
      `The content is not what was asked for: expected ${formatDigest(expected)}, got ${actual}. Nothing was kept.`,
      { details: { expected: formatDigest(expected), actual } },
    )
  }

  /** Gives the file its name. Without `overwrite`, a file that has come meanwhile stays and this is an error. */
  async finish({ overwrite }: { overwrite: boolean }): Promise<void> {
    await this.#handle.close()
    try {
      if (overwrite) await rename(this.#temporary, this.#path)
      else await this.#place()
    } catch (error) {
      throw writeError(error, this.#path)
    }
  }

  /** Removes what is there, after a failure; after `finish` nothing is. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {})
    await rm(this.#temporary, { force: true }).catch(() => {})
  }

  async #place(): Promise<void> {
    try {
      // A link never replaces what is there, a rename would.
      await link(this.#temporary, this.#path)
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? ''))
        throw error
      await rename(this.#temporary, this.#path)
    }
  }
}

function writeError(thrown: unknown, path: string): DfError {
  const code = errorCode(thrown)
  if (code === 'EEXIST') return outputExists(path)
  const options = { cause: thrown, details: { path } }
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DfError(
      'DiskFull',
      `The output ${path} does not fit on its disk: free some space or write elsewhere.`,
      options,
    )
  }
  return new DfError('OutputUnwritable', `The output ${path} cannot be written: ${why}.`, options)
}
