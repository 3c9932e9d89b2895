import { crc32 } from 'node:zlib'

/** CRC-32/IEEE of bytes that arrive bit by bit. */
export class Crc32 {
  #value = 0

  /** Text counts as UTF-8. */
  update(bytes: Uint8Array | string): this {
    this.#value = crc32(bytes, this.#value)
    return this
  }

  /** Of what came so far; unsigned. */
  get value(): number {
    return this.#value
  }
}

/** The text that the wire carries: `crc32:` and the unsigned decimal value, without leading zeros. */
export function formatCrc32(value: number): string {
  return `crc32:${value >>> 0}`
}

/** Reads that text; some peers pad the number with zeros. `undefined` for anything else. */
export function parseCrc32(text: string): number | undefined {
  const match = /^crc32:(\d{1,10})$/.exec(text)
  const value = match === null ? Number.NaN : Number(match[1])
  return value <= 0xffff_ffff ? value : undefined
}
