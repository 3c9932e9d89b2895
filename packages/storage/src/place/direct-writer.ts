import type { DirectWriter } from './open-place.ts'

/** Offsets, lengths and addresses of direct writes are multiples of this; no disk asks for more than a page. */
export const directAlignment = 4096

const bufferBytes = 1024 * 1024
const wasmPageBytes = 64 * 1024

/** Buffers given back; a worker writes a few pieces at a time. */
const pool: Uint8Array[] = []
const maxPooled = 8

/** The two ways into the file. */
export interface DirectTarget {
  /** Takes whole pages from a page-aligned address. */
  writeDirectly(bytes: Uint8Array, offset: number): void
  write(bytes: Uint8Array, offset: number): void
}

/** Collects bytes in a page-aligned buffer and writes whole pages of it directly; the rest follows by an ordinary write. */
export function alignedDirectWriter(start: number, target: DirectTarget): DirectWriter {
  // The memory of WebAssembly is the one kind that Node promises to align to pages.
  const buffer = pool.pop() ?? newBuffer()
  let offset = start
  let filled = 0
  const flush = (): void => {
    const whole = filled - (filled % directAlignment)
    if (whole > 0) target.writeDirectly(buffer.subarray(0, whole), offset)
    if (whole < filled) target.write(buffer.subarray(whole, filled), offset + whole)
    offset += filled
    filled = 0
  }
  return {
    write(bytes) {
      let rest = bytes
      while (rest.byteLength > 0) {
        const part = rest.subarray(0, bufferBytes - filled)
        buffer.set(part, filled)
        filled += part.byteLength
        rest = rest.subarray(part.byteLength)
        if (filled === bufferBytes) flush()
      }
    },
    finish() {
      flush()
      if (pool.length < maxPooled) pool.push(buffer)
    },
  }
}

function newBuffer(): Uint8Array {
  const pages = bufferBytes / wasmPageBytes
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer)
}

/** The types of Node know the name only. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    initial: number
    maximum: number
  }) => { readonly buffer: ArrayBuffer }
}
