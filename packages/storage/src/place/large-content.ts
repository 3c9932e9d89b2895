import { totalmem } from 'node:os'

/**
 * Linux begins to write pages back by itself when 10 % of the memory are dirty, and holds writers back from 15 % on
 * (half-way between `vm.dirty_background_ratio` and `vm.dirty_ratio`). A smaller content leaves room for others beside it.
 */
const memoryShare = 16

/**
 * Whether pages of a content would fill what the system allows to wait for the disk, or drive out what others work with. Sizes
 * in bytes; `memoryBytes` is what this process and the pages it dirties may take.
 */
export function isLargeBeside(memoryBytes: number, sizeBytes: number): boolean {
  return sizeBytes >= memoryBytes / memoryShare
}

/** Of the machine, or of the container that this process is in, whichever is less. Bytes. */
export function usableMemory(): number {
  // Of a process without limits this is 0 or beyond all machines.
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
