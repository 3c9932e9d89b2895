import { DfError, type Disk, type Log } from '@damselfly/core'
import { Tiering } from './engine/tiering.ts'
import { type DirectIO, DiskMedium } from './media/disk-medium.ts'
import type { Medium } from './media/medium.ts'
import { MemoryMedium } from './media/memory-medium.ts'
import { loadMedium } from './media/plug-in.ts'
import { type KeyFor, sealedMedium } from './media/sealed-medium.ts'
import type { StoreLayout } from './store-layout.ts'

/** Where the bytes of tasks lie. */
export type MediaOptions =
  | { readonly kind: 'disk' }
  /** All in memory, the metadata too: a task that does not fit is refused (`DiskFull`), and the end of the process ends all. */
  | { readonly kind: 'memory'; readonly maxBytes: number }
  /**
   * Memory over the disk: a task that does not fit goes to the disk at once, the others when they are complete. Only what is on
   * the disk survives a kill; a clean close writes everything.
   */
  | { readonly kind: 'tiered'; readonly maxBytes: number }
  /** A storage plug-in: the path of an ES module (`Medium` tells what it exports) and its options. */
  | { readonly kind: 'plug-in'; readonly module: string; readonly options?: unknown }

export interface OpenMediaOptions {
  readonly media: MediaOptions
  readonly keyFor?: KeyFor
  readonly preallocate: boolean
  readonly directIO: DirectIO
  readonly memoryBytes: number
  readonly maxOpenFiles: number
  readonly disk: Disk
  readonly log: Log
}

/** The media in the order in which new tasks try them. */
export async function openMedia(
  options: OpenMediaOptions,
  layout: StoreLayout,
): Promise<{ media: readonly Medium[]; tiering?: Tiering }> {
  const { media, keyFor } = options
  const seal = (medium: Medium): Medium =>
    keyFor === undefined ? medium : sealedMedium(medium, keyFor)
  switch (media.kind) {
    case 'disk':
      return { media: [seal(diskMedium(options, layout))] }
    case 'memory':
      return { media: [seal(new MemoryMedium({ maxBytes: checkBytes(media.maxBytes) }))] }
    case 'plug-in':
      return { media: [seal(await loadMedium(media.module, media.options))] }
    case 'tiered': {
      const maxBytes = checkBytes(media.maxBytes)
      const makeRoom = (bytes: number): void => tiering.makeRoom(bytes)
      const memory = new MemoryMedium({ maxBytes, makeRoom })
      const [fast, kept] = [seal(memory), seal(diskMedium(options, layout))]
      const tiering = new Tiering({ memory, fast, kept }, options.log)
      return { media: [fast, kept], tiering }
    }
  }
}

function diskMedium(options: OpenMediaOptions, layout: StoreLayout): Medium {
  const { preallocate, directIO, memoryBytes, maxOpenFiles } = options
  const directory = layout.tasks
  return new DiskMedium({ directory, maxOpenFiles, preallocate, directIO, memoryBytes }, options)
}

function checkBytes(maxBytes: number): number {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 0) return maxBytes
  throw new DfError('InvalidConfig', `${maxBytes} bytes of memory cannot be had for a store.`)
}
