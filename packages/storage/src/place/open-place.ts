import { DfError } from '@damselfly/core'
import type { ContentPlace } from './content-place.ts'
import { FilePlace } from './file-place.ts'
import { checkKey } from './piece-cipher.ts'

/**
 * Bytes of a task in the hands of a worker thread. All calls are synchronous and work at positions, so any number of pieces
 * may be written and read through one of these. Errors: `DiskFull`, `DiskFailed`.
 */
export interface OpenPlace {
  /** Set when the bytes are sealed: they pass here as they lie. */
  readonly key?: Uint8Array
  /** How many bytes were read; fewer than asked for only at the end. */
  read(buffer: Uint8Array, offset: number): number
  write(bytes: Uint8Array, offset: number): void
  /** A writer that passes by the page cache, for a span that allows it. */
  directWriter?(span: { offset: number; length: number }): DirectWriter | undefined
  close(): void
}

/** Takes the bytes of one span in order. */
export interface DirectWriter {
  write(bytes: Uint8Array): void
  /** Writes what is left. */
  finish(): void
}

/** Opens a place; its files are opened by the first use and stay open until `close`. */
export function openPlace(place: ContentPlace): OpenPlace {
  switch (place.kind) {
    case 'file':
      return new FilePlace(place.path, place.directIO === true)
    case 'memory':
      return openMemory(place.bytes)
    case 'sealed':
      return openSealed(place.inner, place.key)
    case 'here':
      throw new DfError(
        'InvalidArgument',
        'The bytes of a storage plug-in can be reached only through its store.',
      )
  }
}

function openMemory(shared: SharedArrayBuffer): OpenPlace {
  const content = new Uint8Array(shared)
  return {
    read(buffer, offset) {
      const part = content.subarray(offset, offset + buffer.byteLength)
      buffer.set(part)
      return part.byteLength
    },
    write: (bytes, offset) => content.set(bytes, offset),
    close: () => {},
  }
}

function openSealed(place: ContentPlace, key: Uint8Array): OpenPlace {
  const inner = openPlace(place)
  return {
    key: checkKey(key),
    read: (buffer, offset) => inner.read(buffer, offset),
    write: (bytes, offset) => inner.write(bytes, offset),
    directWriter: (span) => inner.directWriter?.(span),
    close: () => inner.close(),
  }
}
