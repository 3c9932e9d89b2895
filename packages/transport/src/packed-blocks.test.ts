import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { isDfError } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { blockBytes, PackedReader, packBlock } from './packed-blocks.ts'

const text = (length: number): Buffer => Buffer.alloc(length, 'All that glitters is not gold. ')

function pack(plain: Buffer, level = 1): Buffer {
  const parts: Uint8Array[] = []
  for (let at = 0; at < plain.byteLength; at += blockBytes) {
    parts.push(...packBlock(plain.subarray(at, at + blockBytes), level))
  }
  return Buffer.concat(parts)
}

function unpack(packed: Uint8Array, plainBytes: number, step = 1 << 20): Buffer {
  const reader = new PackedReader(plainBytes)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < packed.byteLength; ) {
    at += reader.read(packed.subarray(at, at + step))
    if (reader.content !== undefined) chunks.push(reader.content)
  }
  return Buffer.concat(chunks)
}

const failureOf = (packed: Uint8Array, plainBytes: number): string => {
  try {
    unpack(packed, plainBytes)
  } catch (error) {
    return isDfError(error, 'PeerProtocol') ? error.message : String(error)
  }
  return 'no error'
}

const word = (n: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(n >>> 0)
  return bytes
}

describe('packed content', () => {
  test.each([1, 2, 100, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes + 5])(
    '%i bytes come back',
    (length) => {
      for (const plain of [text(length), randomBytes(length)]) {
        for (const level of [-3, 1, 3]) {
          expect(unpack(pack(plain, level), length).equals(plain)).toBe(true)
        }
      }
    },
  )

  test('may be cut anywhere', () => {
    const plain = Buffer.concat([text(blockBytes), randomBytes(1000)])
    const packed = pack(plain)
    for (const step of [1, 3, 4, 5, 1000]) {
      expect(unpack(packed, plain.byteLength, step).equals(plain)).toBe(true)
    }
  })

  test('shrinks what can be shrunk and costs four bytes for what cannot', () => {
    expect(pack(text(blockBytes)).byteLength).toBeLessThan(1000)
    expect(pack(randomBytes(5000)).byteLength).toBe(5004)
  })
})

describe('a peer that lies', () => {
  const bomb = zlib.zstdCompressSync(Buffer.alloc(64 << 20))

  test.each([
    ['a frame that unpacks to more than the block', [word(bomb.byteLength), bomb], 100_000],
    ['a frame that unpacks to less', pack(text(100)), 101],
    ['a frame that is none', [word(50), randomBytes(50)], 100],
    ['a packed block as long as the plain one', [word(100)], 100],
    ['a packed block of 2 GiB', [word(0x7fff_ffff)], 100],
    ['an empty packed block', [word(0)], 100],
    ['a plain block that is too long', [word(0x8000_0065)], 100],
    ['a plain block that is too short', [word(0x8000_0063)], 100],
    ['a block of more than a MiB', [word(blockBytes + 1)], 10 * blockBytes],
  ])('%s', (_name, parts, plainBytes) => {
    const packed = Array.isArray(parts) ? Buffer.concat(parts) : parts
    expect(failureOf(packed, plainBytes)).toContain('broke the piece protocol')
  })

  test('a window larger than a block is not allocated', () => {
    const { ZSTD_c_windowLog, ZSTD_c_contentSizeFlag } = zlib.constants
    const params = { [ZSTD_c_windowLog]: 27, [ZSTD_c_contentSizeFlag]: 0 }
    const stream = zlib.createZstdCompress({ params })
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    const done = new Promise((resolve) => stream.on('end', resolve))
    stream.write(text(5000))
    stream.flush()
    stream.write(text(5000))
    stream.end()
    return done.then(() => {
      const frame = Buffer.concat(chunks)
      expect(failureOf(Buffer.concat([word(frame.byteLength), frame]), 10_000)).toContain(
        'cannot be unpacked',
      )
    })
  })
})
