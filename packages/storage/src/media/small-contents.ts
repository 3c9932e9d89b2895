import type { Disk } from '@damselfly/core'

/** As many bytes are written into the page cache in less time than it takes to tell another thread of them. */
const maxSmallBytes = 64 * 1024

/** The disk for a content of that size. Removals are not for it: they come by the thousand, and nobody waits for one. */
export const diskFor = (disk: Disk, sizeBytes: number): Disk =>
  sizeBytes <= maxSmallBytes ? (disk.here ?? disk) : disk
