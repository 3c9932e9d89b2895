import zlib from 'node:zlib'
import { DfError } from '@damselfly/core'

/*
 * Packed content: the plain piece is cut into blocks of one MiB (the last one may be shorter), and each travels as
 * `u32 | bytes`. The lower 31 bits of the u32 are the number of bytes; its highest bit says that they are plain, because the
 * block did not shrink. Otherwise they are one zstd frame. Plain lengths are never exchanged: both sides know them.
 *
 * Both directions are synchronous: a MiB takes a few milliseconds, and who packs lives in a worker thread.
 */

/** Plain bytes of every block but the last. */
export const blockBytes = 1024 * 1024
const blockHeaderBytes = 4
const plainFlag = 0x8000_0000
/** Also bounds what a frame can make its reader allocate: without it a few bytes could demand a window of 128 MiB. */
const windowLog = 20

/** Node before 22.15 has no zstd: packed pieces are neither offered nor asked for there. */
export const isPackingAvailable: boolean = typeof zlib.zstdCompressSync === 'function'

/** One zstd frame. Levels: -7 (fast) to 19. */
export function compressBlock(plain: Uint8Array, level: number): Uint8Array {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = zlib.constants
  return zlib.zstdCompressSync(plain, {
    chunkSize: Math.max(1024, plain.byteLength),
    params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_windowLog]: windowLog },
  })
}

/** One block as it travels: header and bytes, in the form that is shorter. */
export function packBlock(plain: Uint8Array, level: number): Uint8Array[] {
  const packed = compressBlock(plain, level)
  const isSmaller = packed.byteLength < plain.byteLength
  const bytes = isSmaller ? packed : plain
  const header = Buffer.allocUnsafe(blockHeaderBytes)
  header.writeUInt32BE(isSmaller ? bytes.byteLength : (bytes.byteLength | plainFlag) >>> 0)
  return [header, bytes]
}

/** What a block is, by its header. Throws `PeerProtocol`. */
function blockKind(header: Uint8Array, plainBytes: number): { isPlain: boolean; bytes: number } {
  const word = Buffer.from(header.buffer, header.byteOffset, blockHeaderBytes).readUInt32BE()
  const isPlain = word >= plainFlag
  const bytes = isPlain ? word - plainFlag : word
  // A block that does not shrink travels plain.
  if (isPlain ? bytes !== plainBytes : bytes === 0 || bytes >= plainBytes) {
    const form = isPlain ? 'plain' : 'packed'
    throw broken(`a ${form} block of ${bytes} bytes for ${plainBytes}`)
  }
  return { isPlain, bytes }
}

/** Throws `PeerProtocol` unless these are exactly so many plain bytes. */
export function decompressBlock(packed: Uint8Array, plainBytes: number): Uint8Array {
  let plain: Uint8Array
  try {
    plain = zlib.zstdDecompressSync(packed, {
      chunkSize: Math.max(1024, plainBytes),
      maxOutputLength: plainBytes,
      params: { [zlib.constants.ZSTD_d_windowLogMax]: windowLog },
    })
  } catch (cause) {
    throw broken('a packed block that cannot be unpacked', cause)
  }
  if (plain.byteLength === plainBytes) return plain
  throw broken(`a packed block of ${plain.byteLength} bytes instead of ${plainBytes}`)
}

const broken = (what: string, cause?: unknown): DfError =>
  new DfError('PeerProtocol', `The peer broke the piece protocol: ${what}.`, { cause })

/** Puts blocks together from what a socket brings and unpacks them. Holds one block at most. */
export class PackedReader {
  readonly #header = new Uint8Array(blockHeaderBytes)
  #headerSize = 0
  #block: { readonly isPlain: boolean; readonly bytes: Uint8Array } | undefined
  #size = 0
  /** Plain bytes that have not been handed out yet. */
  #missing: number
  /** The plain bytes of the block that the last `read` has completed. */
  content: Uint8Array | undefined

  constructor(plainBytes: number) {
    this.#missing = plainBytes
  }

  /** Takes bytes from the front, up to the end of one block; returns how many. Throws `PeerProtocol`. */
  read(bytes: Uint8Array): number {
    this.content = undefined
    let taken = 0
    const plainBytes = Math.min(blockBytes, this.#missing)
    if (this.#block === undefined) {
      taken = copy(bytes, this.#header, this.#headerSize)
      this.#headerSize += taken
      if (this.#headerSize < blockHeaderBytes) return taken
      const kind = blockKind(this.#header, plainBytes)
      this.#block = { isPlain: kind.isPlain, bytes: Buffer.allocUnsafe(kind.bytes) }
      this.#size = 0
    }
    const block = this.#block
    const count = copy(bytes.subarray(taken), block.bytes, this.#size)
    this.#size += count
    if (this.#size === block.bytes.byteLength) {
      this.content = block.isPlain ? block.bytes : decompressBlock(block.bytes, plainBytes)
      this.#missing -= plainBytes
      this.#block = undefined
      this.#headerSize = 0
    }
    return taken + count
  }
}

/** Fills `target` from `at` on; returns how many bytes that took. */
function copy(from: Uint8Array, target: Uint8Array, at: number): number {
  const count = Math.min(from.byteLength, target.byteLength - at)
  target.set(from.subarray(0, count), at)
  return count
}
