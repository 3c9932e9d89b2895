/** Occurs in no node and no key: keeps "ab" + "c" and "a" + "bc" apart. */
const SEPARATOR = '\uffff'

/** Greater than every hash. */
export const KEY_HASH_END = 2 ** 53

/**
 * A 53-bit hash of its parts: two 32-bit lanes in the manner of MurmurHash3 with its finalizer, plain arithmetic, no
 * bigint, under half a microsecond for a task id. It is part of what replicas and daemons agree on: tests freeze it.
 */
export function keyHash(...parts: readonly string[]): number {
  let a = 0x9e37_79b9
  let b = 0x85eb_ca6b
  const text = parts.join(SEPARATOR)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = rotl(Math.imul(a ^ unit, 0xcc9e_2d51), 15)
    b = rotl(Math.imul(b ^ unit, 0x1b87_3593), 13)
    a = (Math.imul(a, 5) + 0xe654_6b64) | 0
    b = (Math.imul(b, 5) + 0x3864_4e6d) | 0
  }
  a = finalize(a ^ text.length ^ rotl(b, 16))
  b = finalize(b ^ a)
  return (a & 0x1f_ffff) * 0x1_0000_0000 + (b >>> 0)
}

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/** MurmurHash3's: every bit of the input changes every bit of the output with about even chance. */
export function finalize(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return h ^ (h >>> 16)
}
