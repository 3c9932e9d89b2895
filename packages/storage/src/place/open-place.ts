import { DfError } from '@damselfly/core'
import type { ContentPlace, PlacedSpan } from './content-place.ts'
import { FilePlace } from './file-place.ts'
import { type MemoryPlace, readMemory, writeMemory } from './memory-place.ts'
import { checkKey } from './piece-cipher.ts'

/**
 * Bytes of a task in the hands of a worker thread. All calls are synchronous (direct writes and what waits for them excepted)
 * and work at positions, so any number of pieces may be written and read through one of these. Errors: `DiskFull`,
 * `DiskFailed`.
 */
export interface OpenPlace {
  /** Set when the bytes are sealed: they pass here as they lie. */
  readonly key?: Uint8Array
  /** How many bytes were read; fewer than asked for only at the end. */
  read(buffer: Uint8Array, offset: number): number
  write(bytes: Uint8Array, offset: number): void
  /** A writer that passes by the page cache, for a span that allows it and, where that is asked for, while the disk keeps up. */
  directWriter?(span: PlacedSpan): DirectWriter | undefined
  /** All of this span has been written: a place that is large beside the memory begins to bring it to the disk. */
  wrote?(span: PlacedSpan): void
  /**
   * Files stay open until the direct writes under way have ended, those of writers that were given up included: a promise
   * then, which never rejects. When it resolves nothing writes here any more.
   */
  close(): Promise<void> | undefined
}

/** Takes the bytes of one span in order. Giving up needs no call but `close` of the place. */
export interface DirectWriter {
  /** The bytes may be reused at once. Throws also what an earlier write came to. */
  write(bytes: Uint8Array): void
  /** Set while the disk is behind; resolves when it has room again. */
  ready(): Promise<void> | undefined
  /** Writes what is left. Resolves when the disk, or the page cache, has all bytes. */
  finish(): Promise<void>
}

/** Opens a place; its files are opened by the first use and stay open until `close`. */
export function openPlace(place: ContentPlace): OpenPlace {
  switch (place.kind) {
    case 'file':
      return new FilePlace(place)
    case 'memory':
      return openMemory(place)
    case 'sealed':
      return openSealed(place.inner, place.key)
    case 'here':
      throw new DfError(
        'InvalidArgument',
        'The bytes of a storage plug-in can be reached only through its store.',
      )
  }
}

function openMemory(place: MemoryPlace): OpenPlace {
  return {
    read: (buffer, offset) => readMemory(place, buffer, offset),
    write: (bytes, offset) => writeMemory(place, bytes, offset),
    close: () => undefined,
  }
}

function openSealed(place: ContentPlace, key: Uint8Array): OpenPlace {
  const inner = openPlace(place)
  return {
    key: checkKey(key),
    read: (buffer, offset) => inner.read(buffer, offset),
    write: (bytes, offset) => inner.write(bytes, offset),
    directWriter: (span) => inner.directWriter?.(span),
    wrote: (span) => inner.wrote?.(span),
    close: () => inner.close(),
  }
}
