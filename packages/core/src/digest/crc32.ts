import { crc32 } from 'node:zlib'

/** CRC-32/IEEE of bytes that arrive bit by bit. */
export class Crc32 {
  #value = 0

  update(bytes: Uint8Array): this {
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
