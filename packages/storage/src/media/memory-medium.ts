import { DfError } from '@damselfly/core'
import type { Content, ContentRequest, Medium } from './medium.ts'

export interface MemoryMediumOptions {
  /** Bytes of all contents together, whether written or not. */
  readonly maxBytes: number
  /** Asked to give back so many bytes before a content is refused. */
  readonly makeRoom?: (bytes: number) => void
}

/** Contents in shared memory, read and written by any thread at the speed of the RAM. Gone with the process. */
export class MemoryMedium implements Medium {
  readonly name = 'memory'
  readonly isKept = false
  readonly #options: MemoryMediumOptions
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
    const bytes = allocate(sizeBytes)
    if (bytes === undefined) throw this.#full(sizeBytes, spec.taskId)
    this.#usedBytes += sizeBytes
    return new MemoryContent(bytes, () => {
      this.#usedBytes -= sizeBytes
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
  readonly place: Content['place']
  readonly #bytes: Uint8Array
  readonly #release: () => void
  #isClosed = false

  constructor(bytes: SharedArrayBuffer, release: () => void) {
    this.place = { kind: 'memory', bytes }
    this.#bytes = new Uint8Array(bytes)
    this.#release = release
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    const part = this.#bytes.subarray(offset, offset + buffer.byteLength)
    buffer.set(part)
    return part.byteLength
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    this.#bytes.set(bytes, offset)
  }

  async sync(): Promise<void> {}

  async remove(): Promise<void> {}

  /** Threads that still read keep the memory alive; it is counted no longer. */
  close(): void {
    if (!this.#isClosed) this.#release()
    this.#isClosed = true
  }
}

function allocate(sizeBytes: number): SharedArrayBuffer | undefined {
  try {
    return new SharedArrayBuffer(sizeBytes)
  } catch {
    return undefined
  }
}
