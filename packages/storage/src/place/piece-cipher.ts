import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DfError } from '@damselfly/core'
import type { PieceSeal } from './content-place.ts'

const algorithm = 'aes-256-gcm'
const keyBytes = 32
const nonceBytes = 12
export const tagBytes = 16

/** Seals one piece while its bytes pass; every writing of a piece needs a new one. */
export class PieceSealer {
  /** A nonce used twice with one key would give the key stream away, so it is never derived from the piece. */
  readonly #nonce = randomBytes(nonceBytes)
  readonly #cipher

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(algorithm, checkKey(key), this.#nonce)
  }

  /** As many bytes as came in, in a buffer of its own. */
  update(bytes: Uint8Array): Uint8Array {
    return this.#cipher.update(bytes)
  }

  /** Nothing more follows. */
  finish(): PieceSeal {
    this.#cipher.final()
    return { nonce: new Uint8Array(this.#nonce), tag: new Uint8Array(this.#cipher.getAuthTag()) }
  }
}

/**
 * The plain bytes of a whole sealed piece. `undefined` when the key, the seal or any bit of the bytes is wrong: nothing of
 * such a piece may be used.
 */
export function unseal(
  sealed: Uint8Array,
  key: Uint8Array,
  seal: PieceSeal,
): Uint8Array | undefined {
  const decipher = createDecipheriv(algorithm, checkKey(key), seal.nonce, {
    authTagLength: tagBytes,
  })
  decipher.setAuthTag(seal.tag)
  const plain = decipher.update(sealed)
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}

/** Throws `InvalidConfig` for a key that is not one. */
export function checkKey(key: Uint8Array): Uint8Array {
  if (key.byteLength === keyBytes) return key
  throw new DfError(
    'InvalidConfig',
    `A storage key has ${keyBytes} bytes, not ${key.byteLength}: AES-256 takes no other.`,
  )
}
