const mask = 0xffff_ffff_ffff_ffffn

const rotl = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & mask

type State = [bigint, bigint, bigint, bigint]

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012), an unsigned 64-bit number. Zero keys by default, as Dragonfly's
 * hash ring uses it. Made for a few hashes per task, not for bulk data.
 */
export function sipHash24(bytes: Uint8Array, k0 = 0n, k1 = 0n): bigint {
  const v: State = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ]
  for (const word of words(bytes)) {
    v[3] ^= word
    rounds(v, 2)
    v[0] ^= word
  }
  v[2] ^= 0xffn
  rounds(v, 4)
  return v[0] ^ v[1] ^ v[2] ^ v[3]
}

/** Little-endian words; the last holds the remaining bytes and, in its top byte, the length modulo 256. */
function* words(bytes: Uint8Array): Generator<bigint> {
  const whole = bytes.byteLength & ~7
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < whole; at += 8) yield view.getBigUint64(at, true)
  const last = new Uint8Array(8)
  last.set(bytes.subarray(whole))
  last[7] = bytes.byteLength
  yield new DataView(last.buffer).getBigUint64(0, true)
}

function rounds(v: State, count: number): void {
  let [a, b, c, d] = v
  for (let i = 0; i < count; i++) {
    a = (a + b) & mask
    b = rotl(b, 13n) ^ a
    a = rotl(a, 32n)
    c = (c + d) & mask
    d = rotl(d, 16n) ^ c
    a = (a + d) & mask
    d = rotl(d, 21n) ^ a
    c = (c + b) & mask
    b = rotl(b, 17n) ^ c
    c = rotl(c, 32n)
  }
  v.splice(0, 4, a, b, c, d)
}
