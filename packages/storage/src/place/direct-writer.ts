import { systemClock } from '@damselfly/core'
import type { DirectWriter } from './open-place.ts'
import { WriteQueue } from './write-queue.ts'

/** Offsets, lengths and addresses of direct writes are multiples of this; no disk asks for more than a page. */
export const directAlignment = 4096

const chunkBytes = 512 * 1024
const wasmPageBytes = 64 * 1024

/** Buffers given back; a worker fills one for each piece, and a few are on their way to the disk. */
const pool: Uint8Array[] = []
const maxPooled = 10

/** Of this thread: all its files lie on one disk. */
export const writeQueue = new WriteQueue(systemClock)

/** The ways into the file. Direct ones take whole pages from a page-aligned address. */
export interface DirectTarget {
  /** Directly; leaves the bytes alone when it settles. */
  writeLater(bytes: Uint8Array, offset: number): Promise<void>
  /** Through the page cache. */
  write(bytes: Uint8Array, offset: number): void
}

/**
 * Collects bytes in page-aligned chunks, which are written directly while the next one fills. What is no whole page at the end
 * goes through the page cache.
 */
export class AlignedDirectWriter implements DirectWriter {
  readonly #target: DirectTarget
  /** None of them rejects. */
  readonly #underWay = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #chunk: Uint8Array | undefined
  #offset: number
  #filled = 0

  constructor(start: number, target: DirectTarget) {
    this.#offset = start
    this.#target = target
  }

  write(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.error
    for (let rest = bytes; rest.byteLength > 0; ) {
      this.#chunk ??= pool.pop() ?? newChunk()
      const part = rest.subarray(0, chunkBytes - this.#filled)
      this.#chunk.set(part, this.#filled)
      this.#filled += part.byteLength
      rest = rest.subarray(part.byteLength)
      if (this.#filled === chunkBytes) this.#flush(this.#chunk)
    }
  }

  ready(): Promise<void> | undefined {
    return writeQueue.room
  }

  async finish(): Promise<void> {
    if (this.#chunk !== undefined) this.#flush(this.#chunk)
    if (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #flush(chunk: Uint8Array): void {
    const offset = this.#offset
    const bytes = chunk.subarray(0, this.#filled)
    const whole = bytes.byteLength - (bytes.byteLength % directAlignment)
    this.#chunk = undefined
    this.#offset += this.#filled
    this.#filled = 0
    if (whole > 0) this.#writeLater(chunk, { bytes: chunk.subarray(0, whole), offset })
    else giveBack(chunk)
    if (whole < bytes.byteLength) this.#target.write(bytes.subarray(whole), offset + whole)
  }

  #writeLater(chunk: Uint8Array, { bytes, offset }: { bytes: Uint8Array; offset: number }): void {
    writeQueue.began()
    const settled = this.#target
      .writeLater(bytes, offset)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#underWay.delete(settled)
        writeQueue.ended(bytes.byteLength)
        giveBack(chunk)
      })
    this.#underWay.add(settled)
  }
}

function giveBack(chunk: Uint8Array): void {
  if (pool.length < maxPooled) pool.push(chunk)
}

/** The memory of WebAssembly is the one kind that Node promises to align to pages. */
function newChunk(): Uint8Array {
  const pages = chunkBytes / wasmPageBytes
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer)
}

/** The types of Node know the name only. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    initial: number
    maximum: number
  }) => { readonly buffer: ArrayBuffer }
}
