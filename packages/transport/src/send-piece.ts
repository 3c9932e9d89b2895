import { DfError } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'
import { ownBufferBytes } from './memory.ts'
import { blockBytes, packBlock } from './packed-blocks.ts'
import type { ServedPiece } from './piece.ts'

export interface PieceSending {
  readonly piece: ServedPiece
  /** Frame header and metadata; sent in one write with the first bytes of the content. */
  readonly head: Uint8Array
  /** The level to pack with; `undefined` sends plain bytes. */
  readonly level: number | undefined
  readonly signal: AbortSignal
  /** How large the next chunk should be at most. */
  readonly chunkBytes: () => number
  /** Returns a promise when the chunk has to wait before it may be written. */
  readonly take: (bytes: number) => Promise<void> | undefined
  /** Never rejects; resolves when the kernel has the chunk, or never will, and its memory is free again. */
  readonly write: (chunk: Uint8Array, plainBytes: number) => Promise<void>
}

/**
 * Sends one piece: while the socket takes one chunk the next is being read, so two buffers at most are in use.
 * Nothing has been written when the first read fails, so the peer can still be told. The promise resolves when the last
 * chunk has been written out, not when the kernel has it.
 */
export function sendPiece(sending: PieceSending, pool: BufferPool): Promise<void> {
  return sending.level === undefined ? sendPlain(sending, pool) : sendPacked(sending, sending.level)
}

async function sendPlain(sending: PieceSending, pool: BufferPool): Promise<void> {
  const { piece, head, signal } = sending
  let writing: Promise<void> | undefined
  let position = 0
  let prefix = head
  do {
    const most = Math.min(sending.chunkBytes(), pool.bufferBytes) - prefix.byteLength
    const content = Math.max(0, Math.min(most, piece.length - position))
    const bytes = prefix.byteLength + content
    const isOwn = bytes <= ownBufferBytes
    signal.throwIfAborted()
    const buffer = isOwn ? Buffer.allocUnsafe(bytes) : await pool.acquire(signal)
    const release = (): void => (isOwn ? undefined : pool.release(buffer))
    try {
      const chunk = buffer.subarray(0, bytes)
      chunk.set(prefix)
      const reading = readFully(piece, chunk.subarray(prefix.byteLength), position)
      if (reading !== undefined) await reading
      await pass(sending, bytes, writing)
      writing = sending.write(chunk, content).finally(release)
    } catch (error) {
      release()
      throw error
    }
    position += content
    prefix = empty
  } while (position < piece.length)
}

/** Blocks are packed whole and written in chunks as large as allowed. */
async function sendPacked(sending: PieceSending, level: number): Promise<void> {
  const { piece, head } = sending
  let writing: Promise<void> | undefined
  let position = 0
  let prefix = head
  do {
    const plain = Buffer.allocUnsafe(Math.min(blockBytes, piece.length - position))
    const reading = readFully(piece, plain, position)
    if (reading !== undefined) await reading
    const parts = plain.byteLength === 0 ? [] : packBlock(plain, level)
    const block = Buffer.concat([prefix, ...parts])
    for (let at = 0; at < block.byteLength; ) {
      const chunk = block.subarray(at, at + sending.chunkBytes())
      at += chunk.byteLength
      await pass(sending, chunk.byteLength, writing)
      writing = sending.write(chunk, at === block.byteLength ? plain.byteLength : 0)
    }
    position += plain.byteLength
    prefix = empty
  } while (position < piece.length)
}

const empty = new Uint8Array(0)

/** Waits until the limits let the chunk pass and the one before it is with the kernel. */
async function pass(
  { take, signal }: PieceSending,
  bytes: number,
  writing: Promise<void> | undefined,
): Promise<void> {
  const taking = take(bytes)
  if (taking !== undefined) await taking
  if (writing !== undefined) await writing
  signal.throwIfAborted()
}

/** Returns a promise only when the piece's reader does. */
function readFully(
  piece: ServedPiece,
  target: Uint8Array,
  offset: number,
): Promise<void> | undefined {
  let done = 0
  while (done < target.byteLength) {
    const count = piece.read(target.subarray(done), offset + done)
    if (typeof count !== 'number') return readOn(piece, target, { offset, done, count })
    done += checkCount(piece, count, offset + done)
  }
  return undefined
}

async function readOn(
  piece: ServedPiece,
  target: Uint8Array,
  { offset, done, count }: { offset: number; done: number; count: Promise<number> },
): Promise<void> {
  const read = checkCount(piece, await count, offset + done)
  await readFully(piece, target.subarray(done + read), offset + done + read)
}

function checkCount(piece: ServedPiece, count: number, at: number): number {
  if (count > 0) return count
  const where = `at ${at} of ${piece.length} bytes`
  throw new DfError('DiskFailed', `Piece ${piece.number} ended ${where} while it was sent.`)
}
