import { createHash } from 'node:crypto'
import { DfError } from '../errors/df-error.ts'
import { Crc32, formatCrc32 } from './crc32.ts'

/** Hex digits of each algorithm's value; crc32 is written as a decimal number instead. */
const hexDigits = { md5: 32, sha1: 40, sha256: 64, sha512: 128, blake3: 64, crc32: undefined }

export type DigestAlgorithm = keyof typeof hexDigits

export interface Digest {
  readonly algorithm: DigestAlgorithm
  /** Lower-case hex; for crc32 a decimal number without leading zeros: equal values are equal strings. */
  readonly value: string
}

/** Computes a digest of bytes that arrive bit by bit. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** `<algorithm>:<value>`. The hasher is used up. */
  digest(): string
}

/** Reads `<algorithm>:<value>` (interop.md 5.6). The error names what is wrong. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(':')
  if (colon < 0) throw invalid(text, 'expected <algorithm>:<value>')
  const algorithm = text.slice(0, colon)
  const value = text.slice(colon + 1)
  if (!isAlgorithm(algorithm)) {
    const known = Object.keys(hexDigits).join(', ')
    throw invalid(text, `"${algorithm}" is none of the algorithms ${known}`)
  }
  const digits = hexDigits[algorithm]
  if (digits === undefined) return { algorithm, value: parseCrc32(text, value) }
  if (value.length !== digits) {
    throw invalid(text, `${algorithm} takes ${digits} hex digits, not ${value.length}`)
  }
  if (!/^[0-9a-f]+$/i.test(value)) throw invalid(text, 'the value is not hexadecimal')
  return { algorithm, value: value.toLowerCase() }
}

export function formatDigest({ algorithm, value }: Digest): string {
  return `${algorithm}:${value}`
}

/** All but blake3, which is native code: `createAnyHasher` of `@damselfly/core/hashing` has that too. */
export function createHasher(algorithm: DigestAlgorithm): Hasher {
  if (algorithm === 'blake3') {
    throw new DfError('Unimplemented', 'blake3 digests cannot be verified; use sha256 or sha512.')
  }
  if (algorithm === 'crc32') {
    const crc = new Crc32()
    return { update: (bytes) => void crc.update(bytes), digest: () => formatCrc32(crc.value) }
  }
  const hash = createHash(algorithm)
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => `${algorithm}:${hash.digest('hex')}`,
  }
}

const isAlgorithm = (name: string): name is DigestAlgorithm => Object.hasOwn(hexDigits, name)

/** Dragonfly's parser demands ten characters, so others may pad with zeros. */
function parseCrc32(text: string, value: string): string {
  if (!/^\d{1,10}$/.test(value))
    throw invalid(text, 'crc32 takes a decimal number of 1 to 10 digits')
  if (Number(value) > 0xffff_ffff) throw invalid(text, 'the number has more than 32 bits')
  return String(Number(value))
}

const invalid = (text: string, why: string): DfError =>
  new DfError('InvalidArgument', `The digest "${text}" is invalid: ${why}.`, {
    details: { digest: text },
  })
