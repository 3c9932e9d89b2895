import { DfError } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'
import { ownBufferBytes } from './memory.ts'
import type { ServedPiece } from './piece.ts'

export interface PieceSending {
  readonly piece: ServedPiece
  /** Frame header and metadata; sent in one write with the first bytes of the content. */
  readonly head: Uint8Array
  readonly signal: AbortSignal
  /** Never rejects; resolves when the kernel has the chunk, or never will, and its memory is free again. */
  readonly write: (chunk: Uint8Array, contentBytes: number) => Promise<void>
}

export interface PieceSendingDeps {
  /** For sending only, see `BufferPool`. */
  readonly pool: BufferPool
  readonly limiter?: { take(bytes: number, signal: AbortSignal): Promise<void> } | undefined
}

/**
 * Sends one piece: while the socket takes one chunk the next is being read, so two buffers at most are in use.
 * Nothing has been written when the first read fails, so the peer can still be told.
 */
export async function sendPiece(sending: PieceSending, deps: PieceSendingDeps): Promise<void> {
  const { piece, head, signal, write } = sending
  let writing: Promise<void> | undefined
  let position = 0
  let prefix = head
  do {
    const buffer = await takeBuffer(prefix.byteLength + piece.length, deps.pool, signal)
    try {
      const room = buffer.bytes.byteLength - prefix.byteLength
      const content = Math.min(room, piece.length - position)
      const chunk = buffer.bytes.subarray(0, prefix.byteLength + content)
      chunk.set(prefix)
      await readFully(piece, chunk.subarray(prefix.byteLength), position)
      await deps.limiter?.take(chunk.byteLength, signal)
      await writing
      signal.throwIfAborted()
      writing = write(chunk, content).finally(buffer.release)
      position += content
    } catch (error) {
      buffer.release()
      throw error
    }
    prefix = empty
  } while (position < piece.length)
  await writing
}

const empty = new Uint8Array(0)

interface SendBuffer {
  readonly bytes: Uint8Array
  readonly release: () => void
}

async function takeBuffer(
  wantedBytes: number,
  pool: BufferPool,
  signal: AbortSignal,
): Promise<SendBuffer> {
  signal.throwIfAborted()
  if (wantedBytes <= ownBufferBytes) {
    return { bytes: Buffer.allocUnsafe(wantedBytes), release: () => {} }
  }
  const bytes = await pool.acquire(signal)
  return { bytes, release: () => pool.release(bytes) }
}

async function readFully(piece: ServedPiece, target: Uint8Array, offset: number): Promise<void> {
  let done = 0
  while (done < target.byteLength) {
    const count = await piece.read(target.subarray(done), offset + done)
    if (count <= 0) {
      const where = `at ${offset + done} of ${piece.length} bytes`
      throw new DfError('DiskFailed', `Piece ${piece.number} ended ${where} while it was sent.`)
    }
    done += count
  }
}
