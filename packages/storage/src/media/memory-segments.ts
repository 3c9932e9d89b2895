import { segmentBytes } from '../place/memory-place.ts'

/**
 * Shared memory for contents. Whole segments are used again: fresh memory costs a page fault for every 4 KiB, and what is
 * dropped comes back only when every thread that has seen it has collected its garbage, which idle threads never do. The end of
 * a content that fills no segment is memory of its own.
 */
export class MemorySegments {
  readonly #free: SharedArrayBuffer[] = []

  /** Bytes of segments that wait for contents. */
  get freeBytes(): number {
    return this.#free.length * segmentBytes
  }

  /** With whatever was in them before. Throws a `RangeError` when the system has no more. */
  take(sizeBytes: number): SharedArrayBuffer[] {
    const segments: SharedArrayBuffer[] = []
    try {
      for (let left = sizeBytes; left > 0; left -= segmentBytes) {
        const reused = left >= segmentBytes ? this.#free.pop() : undefined
        segments.push(reused ?? new SharedArrayBuffer(Math.min(left, segmentBytes)))
      }
      return segments
    } catch (error) {
      this.give(segments)
      throw error
    }
  }

  /** Nobody reads or writes them any more, on whichever thread. */
  give(segments: readonly SharedArrayBuffer[]): void {
    for (const segment of segments) {
      if (segment.byteLength === segmentBytes) this.#free.push(segment)
    }
  }

  /** Leaves the rest to the garbage collector. */
  keep(maxBytes: number): void {
    const count = Math.max(0, Math.floor(maxBytes / segmentBytes))
    if (count < this.#free.length) this.#free.length = count
  }
}
