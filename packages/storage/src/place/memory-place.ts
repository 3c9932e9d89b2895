import type { ContentPlace, PlacedSpan } from './content-place.ts'

/** A content in memory, or a part of it. */
export type MemoryPlace = Extract<ContentPlace, { kind: 'memory' }>

/** Every segment but the last of a content has so many bytes. */
export const segmentBytes = 4 * 1024 * 1024

/** The segments that hold `span`: a thread is sent no more of them than it needs. */
export function memoryWithin({ start, segments }: MemoryPlace, span: PlacedSpan): MemoryPlace {
  const first = Math.floor((span.offset - start) / segmentBytes)
  const end = Math.ceil((span.offset + span.length - start) / segmentBytes)
  return {
    kind: 'memory',
    start: start + first * segmentBytes,
    segments: segments.slice(first, end),
  }
}

/** How many bytes were read; fewer than asked for at the end of the segments. */
export function readMemory(from: MemoryPlace, buffer: Uint8Array, offset: number): number {
  let done = 0
  for (const part of parts(from, offset, buffer.byteLength)) {
    buffer.set(part, done)
    done += part.byteLength
  }
  return done
}

/** Throws a `RangeError` when the bytes reach over the end of the segments. */
export function writeMemory(to: MemoryPlace, bytes: Uint8Array, offset: number): void {
  let done = 0
  for (const part of parts(to, offset, bytes.byteLength)) {
    part.set(bytes.subarray(done, done + part.byteLength))
    done += part.byteLength
  }
  if (done < bytes.byteLength) throw new RangeError('The bytes do not fit into the memory.')
}

function* parts(
  { start, segments }: MemoryPlace,
  offset: number,
  length: number,
): Generator<Uint8Array> {
  let at = offset - start
  const end = at + length
  while (at < end) {
    const segment = segments[Math.floor(at / segmentBytes)]
    const inSegment = at % segmentBytes
    if (segment === undefined || inSegment >= segment.byteLength) return
    const count = Math.min(end - at, segment.byteLength - inSegment)
    yield new Uint8Array(segment, inSegment, count)
    at += count
  }
}
