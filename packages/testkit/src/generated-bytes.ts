import { createCipheriv, createHash } from 'node:crypto'

const BLOCK_BYTES = 16
const zeros = new Uint8Array(1024 * 1024)

/**
 * `length` pseudo-random bytes of an endless stream named by `seed`, from `offset` on: every read of a range gives
 * the same bytes. It is the key stream of AES-128-CTR, which can start at any block, does not compress and
 * runs at memory speed, so an object of many GiB costs no memory.
 */
export function generatedBytes(
  seed: number,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const cipher = keyStream(seed, offset)
  if (length <= zeros.byteLength) {
    const { buffer, byteOffset } = cipher.update(zeros.subarray(0, length))
    return new Uint8Array(buffer, byteOffset, length)
  }
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; done += zeros.byteLength) {
    const part = Math.min(zeros.byteLength, length - done)
    bytes.set(cipher.update(zeros.subarray(0, part)), done)
  }
  return bytes
}

function keyStream(seed: number, offset: number): ReturnType<typeof createCipheriv> {
  const key = createHash('sha256').update(`damselfly-testkit:${seed}`).digest().subarray(0, 16)
  const counter = Buffer.alloc(BLOCK_BYTES)
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / BLOCK_BYTES)), 8)
  const cipher = createCipheriv('aes-128-ctr', key, counter)
  cipher.update(zeros.subarray(0, offset % BLOCK_BYTES))
  return cipher
}
