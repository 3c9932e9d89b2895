import { DfError } from '@damselfly/core'
import { type MemoryPlace, readMemory, writeMemory } from '../place/memory-place.ts'
import type { Content, ContentRequest, Medium } from './medium.ts'
import { MemorySegments } from './memory-segments.ts'

export interface MemoryMediumOptions {
  /** Bytes of all contents together, whether written or not. */
  readonly maxBytes: number
  /** Asked to give back so many bytes before a content is refused. */
  readonly makeRoom?: (bytes: number) => void
}

/**
 * Contents in shared memory, read and written by any thread at the speed of the RAM. Gone with the process, which keeps the
 * memory of contents that are gone for those to come: never more than `maxBytes` together.
 */
export class MemoryMedium implements Medium {
  readonly name = 'memory'
  readonly isKept = false
  readonly #options: MemoryMediumOptions
  readonly #segments = new MemorySegments()
  #usedBytes = 0

  constructor(options: MemoryMediumOptions) {
    this.#options = options
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get maxBytes(): number {
    return this.#options.maxBytes
  }

  async create({ sizeBytes, spec }: ContentRequest): Promise<Content> {
    const { maxBytes, makeRoom } = this.#options
    const shortBytes = this.#usedBytes + sizeBytes - maxBytes
    if (shortBytes > 0 && sizeBytes <= maxBytes) makeRoom?.(shortBytes)
    if (this.#usedBytes + sizeBytes > maxBytes) throw this.#full(sizeBytes, spec.taskId)
    const segments = this.#take(sizeBytes)
    if (segments === undefined) throw this.#full(sizeBytes, spec.taskId)
    this.#usedBytes += sizeBytes
    // The ends of contents are not made of segments that are kept.
    this.#segments.keep(maxBytes - this.#usedBytes)
    return new MemoryContent(segments, () => {
      this.#usedBytes -= sizeBytes
      this.#segments.give(segments)
    })
  }

  async attach(): Promise<undefined> {
    return undefined
  }

  async sweep(): Promise<void> {}

  async space(): Promise<{ totalBytes: number; freeBytes: number }> {
    const { maxBytes } = this.#options
    return { totalBytes: maxBytes, freeBytes: maxBytes - this.#usedBytes }
  }

  async close(): Promise<void> {}

  #take(sizeBytes: number): SharedArrayBuffer[] | undefined {
    try {
      return this.#segments.take(sizeBytes)
    } catch {
      return undefined
    }
  }

  #full(neededBytes: number, taskId: string): DfError {
    const { maxBytes } = this.#options
    const freeBytes = maxBytes - this.#usedBytes
    return new DfError(
      'DiskFull',
      `Task ${taskId} needs ${neededBytes} bytes, but the memory for content has ${freeBytes} of ${maxBytes} free. Delete tasks or allow more.`,
      { details: { neededBytes, freeBytes } },
    )
  }
}

class MemoryContent implements Content {
  #place: MemoryPlace
  readonly #release: () => void
  #isClosed = false

  constructor(segments: readonly SharedArrayBuffer[], release: () => void) {
    this.#place = { kind: 'memory', start: 0, segments }
    this.#release = release
  }

  get place(): Content['place'] {
    return this.#place
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    return readMemory(this.#place, buffer, offset)
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    writeMemory(this.#place, bytes, offset)
  }

  async sync(): Promise<void> {}

  async remove(): Promise<void> {}

  /** From here on the memory may be another content's; whoever comes too late finds nothing. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#place = { kind: 'memory', start: 0, segments: [] }
    this.#release()
  }
}
