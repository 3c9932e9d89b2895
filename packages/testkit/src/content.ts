import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { generatedBytes } from './generated-bytes.ts'

/** Largest piece in which content is read and written, which is also the grain in which sent bytes are counted. */
const CHUNK_BYTES = 128 * 1024

/**
 * What an origin serves: bytes in memory, bytes generated from a seed (no memory, any size), or a file. Neither the
 * array nor the file may change while it is served.
 */
export type ContentSource = Uint8Array | { sizeBytes: number; seed: number } | { file: string }

export interface Content {
  readonly sizeBytes: number
  /** Equal for equal bytes, different for others; becomes the default ETag. */
  readonly tag: string
  /** The bytes from `start` up to, not including, `end`. */
  read(start: number, end: number): AsyncIterable<Uint8Array>
}

export function contentOf(source: ContentSource): Content {
  if (source instanceof Uint8Array) return memoryContent(source)
  return 'file' in source ? fileContent(source.file) : generatedContent(source)
}

function memoryContent(bytes: Uint8Array): Content {
  return {
    sizeBytes: bytes.byteLength,
    tag: createHash('sha256').update(bytes).digest('hex').slice(0, 32),
    read: (start, end) => inChunks(start, end, (from, to) => bytes.subarray(from, to)),
  }
}

function generatedContent({ sizeBytes, seed }: { sizeBytes: number; seed: number }): Content {
  return {
    sizeBytes,
    tag: `seed-${seed}-${sizeBytes}`,
    read: (start, end) => inChunks(start, end, (from, to) => generatedBytes(seed, from, to - from)),
  }
}

function fileContent(file: string): Content {
  const { size, mtimeMs, ino } = statSync(file)
  return {
    sizeBytes: size,
    tag: `file-${ino}-${size}-${mtimeMs}`,
    async *read(start, end) {
      // `createReadStream` counts its end inclusively, so an empty range cannot be told to it.
      if (start < end)
        yield* createReadStream(file, { start, end: end - 1, highWaterMark: CHUNK_BYTES })
    },
  }
}

async function* inChunks(
  start: number,
  end: number,
  slice: (from: number, to: number) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK_BYTES) yield slice(at, Math.min(end, at + CHUNK_BYTES))
}

/** The same content with the byte at `offset` flipped, whichever range it is read in. */
export function withFlippedByte(content: Content, offset: number): Content {
  return mapped(content, content.tag, (chunk, at) => {
    if (offset < at || offset >= at + chunk.byteLength) return chunk
    const copy = Uint8Array.from(chunk)
    copy[offset - at] = (copy[offset - at] ?? 0) ^ 0xff
    return copy
  })
}

/** Content of the same size in which every byte is another one. */
export function complemented(content: Content): Content {
  return mapped(content, `${content.tag}-changed`, (chunk) => chunk.map((byte) => byte ^ 0xff))
}

function mapped(
  content: Content,
  tag: string,
  change: (chunk: Uint8Array, offset: number) => Uint8Array,
): Content {
  return {
    sizeBytes: content.sizeBytes,
    tag,
    async *read(start, end) {
      let at = start
      for await (const chunk of content.read(start, end)) {
        yield change(chunk, at)
        at += chunk.byteLength
      }
    },
  }
}

/** SHA-256 of the bytes from `start` up to `end`, in lower-case hex. */
export async function contentDigest(content: Content, start: number, end: number): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of content.read(start, end)) hash.update(chunk)
  return hash.digest('hex')
}
