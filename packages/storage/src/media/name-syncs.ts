import type { Disk } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'

/**
 * Directories whose names are to be made to survive a power cut, once for all the contents that have theirs there: many small
 * files would otherwise make the disk sync the same directory again and again.
 */
export class NameSyncs {
  readonly #directories = new Set<string>()
  readonly #synced: (() => void)[] = []

  /** `synced` is told when all of the directories are. */
  add(directories: readonly string[], synced: () => void): void {
    for (const directory of directories) this.#directories.add(directory)
    this.#synced.push(synced)
  }

  /** Fails with `DiskFailed`. */
  async run(disk: Disk): Promise<void> {
    for (const directory of this.#directories) {
      try {
        await disk.syncDirectory(directory)
      } catch (error) {
        throw diskError(error, 'Syncing a directory', directory)
      }
    }
    for (const synced of this.#synced) synced()
  }
}
