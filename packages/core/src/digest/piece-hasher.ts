import { Blake3Hasher } from '@napi-rs/blake-hash'
import { crc32 } from '@node-rs/crc32'
import { createHasher, type DigestAlgorithm, type Hasher } from './digest.ts'

/** What the bytes of a piece hash to. */
export interface PieceDigests {
  /** CRC-32/IEEE, unsigned: what Dragonfly's peers compare. */
  readonly crc32: number
  /** BLAKE3, 32 bytes: what is compared among our own. */
  readonly blake3: Uint8Array
}

/**
 * Hashes a piece while its bytes arrive. Both hashes are native code (a GiB costs about 0.4 CPU seconds), so import this from
 * `@damselfly/core/hashing` only where pieces flow: programs that merely talk to a daemon start without it.
 */
export class PieceHasher {
  readonly #blake3 = new Blake3Hasher()
  #crc32 = 0

  update(bytes: Uint8Array): this {
    this.#crc32 = crc32(bytes, this.#crc32)
    this.#blake3.update(bytes)
    return this
  }

  /** Of all that came so far; the hasher is of no use afterwards. */
  finish(): PieceDigests {
    return { crc32: this.#crc32 >>> 0, blake3: new Uint8Array(this.#blake3.digestBuffer()) }
  }
}

/** Whether two BLAKE3 digests are equal. Nothing is secret here, so time may tell. */
export function isSameBlake3(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}

/** A hasher for every algorithm that a digest can name. */
export function createAnyHasher(algorithm: DigestAlgorithm): Hasher {
  if (algorithm !== 'blake3') return createHasher(algorithm)
  const hasher = new Blake3Hasher()
  return {
    update: (bytes) => void hasher.update(bytes),
    digest: () => `blake3:${hasher.digestBuffer().toString('hex')}`,
  }
}
