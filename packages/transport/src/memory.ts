import { DfError } from '@damselfly/core'
import type { BufferPool } from './buffer-pool.ts'

/**
 * Pieces up to this size (and their header) get memory of their own, just as much as they need: a tiny file must not
 * wait for, nor occupy, a large pooled buffer.
 */
export const ownBufferBytes = 64 * 1024

/** The smallest pooled buffer that certainly holds a frame and is worth a system call. */
const minPooledBytes = 64 * 1024

export function checkBufferBytes({ bufferBytes }: BufferPool): void {
  if (bufferBytes >= minPooledBytes) return
  const message = `The piece protocol needs buffers of ${minPooledBytes} bytes or more, not ${bufferBytes}.`
  throw new DfError('InvalidArgument', message)
}
