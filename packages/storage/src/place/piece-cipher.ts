import { type Cipheriv, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DfError } from '@damselfly/core'
import type { PieceSeal } from './content-place.ts'
import { PieceBuffers } from './piece-buffers.ts'

const algorithm = 'aes-256-gcm'
const keyBytes = 32
const nonceBytes = 12
export const tagBytes = 16

/**
 * A cipher of Node puts every output into a new buffer. So many bytes come from the heap, where the next ones find the same
 * memory still in the processor's cache; more of them are fresh pages each time, at a fifth of the speed.
 */
const sliceBytes = 64 * 1024

/** For sealed bytes on their way, of this thread. */
const buffers = new PieceBuffers()

/** Whoever writes gives no more at once, and often less. */
const minBufferBytes = 1024 * 1024

/** Seals one piece while its bytes pass; every writing of a piece needs a new one. */
export class PieceSealer {
  /** A nonce used twice with one key would give the key stream away, so it is never derived from the piece. */
  readonly #nonce = randomBytes(nonceBytes)
  readonly #cipher
  #buffer: Uint8Array | undefined

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(algorithm, checkKey(key), this.#nonce)
  }

  /** As many bytes as came in; they are good until the next call. */
  update(bytes: Uint8Array): Uint8Array {
    if (this.#buffer === undefined || this.#buffer.byteLength < bytes.byteLength) {
      this.#buffer = buffers.take(Math.max(minBufferBytes, bytes.byteLength))
    }
    const sealed = this.#buffer.subarray(0, bytes.byteLength)
    transform(this.#cipher, bytes, sealed)
    return sealed
  }

  /** Nothing more follows. */
  finish(): PieceSeal {
    this.#cipher.final()
    if (this.#buffer !== undefined) buffers.give(this.#buffer)
    this.#buffer = undefined
    return { nonce: new Uint8Array(this.#nonce), tag: new Uint8Array(this.#cipher.getAuthTag()) }
  }
}

/**
 * Opens a whole sealed piece where it lies and returns its bytes. `undefined` when the key, the seal or any bit of the bytes is
 * wrong: nothing of such a piece may be used.
 */
export function unseal(
  piece: Uint8Array,
  key: Uint8Array,
  seal: PieceSeal,
): Uint8Array | undefined {
  const decipher = createDecipheriv(algorithm, checkKey(key), seal.nonce, {
    authTagLength: tagBytes,
  })
  decipher.setAuthTag(seal.tag)
  transform(decipher, piece, piece)
  try {
    decipher.final()
    return piece
  } catch {
    return undefined
  }
}

/** Both may be the same bytes. */
function transform(cipher: Pick<Cipheriv, 'update'>, from: Uint8Array, to: Uint8Array): void {
  for (let at = 0; at < from.byteLength; at += sliceBytes) {
    const slice = cipher.update(from.subarray(at, at + sliceBytes))
    to.set(slice, at)
    free(slice)
  }
}

/** Now, and not when the garbage collector comes round: it does not see how much memory hangs on a small object. */
function free({ buffer, byteLength }: Uint8Array): void {
  // Never one that is shared with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** Throws `InvalidConfig` for a key that is not one. */
export function checkKey(key: Uint8Array): Uint8Array {
  if (key.byteLength === keyBytes) return key
  throw new DfError(
    'InvalidConfig',
    `A storage key has ${keyBytes} bytes, not ${key.byteLength}: AES-256 takes no other.`,
  )
}
