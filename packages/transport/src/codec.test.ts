import { DfError, isDfError } from '@damselfly/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeError,
  decodeFrameHeader,
  decodeKeptRequest,
  decodePieceContent,
  decodeRequest,
  encodeError,
  encodePieceContent,
  encodeRequest,
  type FrameHeader,
} from './codec.ts'
import type { PieceHeader, TaskFamily } from './piece.ts'

const taskId = 'a'.repeat(64)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const value = (frame: Uint8Array): Uint8Array => frame.subarray(6)

/** The worked example of interop.md 3.2, with a cost of 2 s and the creation time 0x65000000. */
const example: PieceHeader = {
  number: 1,
  offset: 4_194_304,
  length: 4_194_304,
  digest: 'crc32:1475635037',
  parentId: '',
  costMs: 2000,
  createdAt: 0x65000000 * 1000,
}
const exampleFrame = `
  07 01 00000041
  0000003d 00000001 0000000000400000 0000000000400000
  00000010 63726333323a31343735363335303337 00000000
  01 0000000000000002 0000000065000000`

function failure(fn: () => unknown): DfError {
  try {
    fn()
  } catch (error) {
    if (isDfError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the worked examples of interop.md 3.2', () => {
  test('a request for piece 1 has these 74 bytes', () => {
    const frame = encodeRequest({ family: 'standard', taskId, number: 1, packetId: 0x2a })
    expect(hex(frame)).toBe(`2a0000000044${'61'.repeat(64)}00000001`)
    expect(decodeFrameHeader(frame.subarray(0, 6))).toEqual({
      type: 'request',
      family: 'standard',
      packetId: 0x2a,
      length: 68,
    })
    expect(decodeRequest(value(frame))).toEqual({ taskId, number: 1 })
  })

  test('the answer has these bytes before the content', () => {
    const frame = encodePieceContent(example, 'standard', 7)
    expect(hex(frame)).toBe(hex(unhex(exampleFrame)))
    expect(decodeFrameHeader(frame.subarray(0, 6))).toEqual({
      type: 'content',
      family: 'standard',
      packetId: 7,
      length: 0x41,
    })
    expect(decodePieceContent(value(frame))).toEqual(example)
  })

  test('a parent id stands between the digest and the traffic type', () => {
    const frame = encodePieceContent({ ...example, digest: 'd', parentId: 'pp' }, 'standard', 0)
    expect(hex(frame.subarray(6 + 24))).toBe(
      '00000001' + '64' + '00000002' + '7070' + '01' + '0000000000000002' + '0000000065000000',
    )
  })

  test('an error is a code and a message', () => {
    expect(hex(encodeError(2, 'no', 9))).toBe('09ff00000003026e6f')
    expect(decodeError(unhex('026e6f'))).toEqual({ code: 2, message: 'no' })
  })

  test.each([
    ['standard', 0, 1],
    ['persistent', 2, 3],
    ['persistent-cache', 4, 5],
  ] as const)('the %s family has the tags %i and %i', (family, request, content) => {
    expect(encodeRequest({ family, taskId, number: 0, packetId: 0 })[1]).toBe(request)
    expect(encodePieceContent(example, family, 0)[1]).toBe(content)
  })

  test('a kept request has a byte of flags more, and tags of our own', () => {
    const encode = (family: TaskFamily, isPackedWelcome: boolean, isBackground: boolean): string =>
      hex(
        encodeRequest({
          family,
          taskId,
          number: 1,
          packetId: 0,
          kept: { isPackedWelcome, isBackground },
        }),
      )
    const value = `${'61'.repeat(64)}00000001`
    expect(encode('standard', false, false)).toBe(`001000000045${value}00`)
    expect(encode('persistent', true, false)).toBe(`001200000045${value}01`)
    expect(encode('persistent-cache', true, true)).toBe(`001400000045${value}03`)
    expect(decodeKeptRequest(unhex(`${value}fe`))).toEqual({
      taskId,
      number: 1,
      isPackedWelcome: false,
      isBackground: true,
    })
    expect(failure(() => decodeKeptRequest(unhex(value))).code).toBe('PeerProtocol')
  })

  test('packed content differs by its tag', () => {
    for (const [family, tag] of [
      ['standard', 17],
      ['persistent', 19],
      ['persistent-cache', 21],
    ] as const) {
      const frame = encodePieceContent(example, family, 7, 'packedContent')
      expect(decodeFrameHeader(frame.subarray(0, 6))).toMatchObject({
        type: 'packedContent',
        family,
      })
      expect([frame[1], hex(value(frame))]).toEqual([tag, hex(unhex(exampleFrame).subarray(6))])
    }
  })

  test('a close frame is empty', () => {
    const frame: FrameHeader = { type: 'close', packetId: 1, length: 0 }
    expect(decodeFrameHeader(unhex('01fe00000000'))).toEqual(frame)
  })
})

describe('what a peer must not send', () => {
  test.each([
    ['tag 8', '00 08 00000044', 'tag 8 is reserved'],
    ['tag 253', '00 fd 00000000', 'tag 253 is reserved'],
    ['tag 6', '00 06 00000044', 'cache pieces'],
    ['a request of 132 bytes (a sha512 task id)', '00 00 00000084', '132 bytes'],
    ['a metadata block of 48 bytes', '00 01 00000030', '48 bytes'],
    ['a metadata block of 4 GiB', '00 01 ffffffff', '4294967295 bytes'],
    ['an empty error', '00 ff 00000000', '0 bytes'],
    ['an error of 16 MiB', '00 ff 01000000', '16777216 bytes'],
    ['a close frame with a value', '00 fe 00000001', '1 bytes'],
    ['five bytes of a header', '00 00 000000', '5 bytes'],
  ])('%s', (_name, bytes, what) => {
    const error = failure(() => decodeFrameHeader(unhex(bytes)))
    expect(error.code).toBe('PeerProtocol')
    expect(error.message).toContain(what)
  })

  const patched = (at: number, bytes: string): Uint8Array => {
    const block = unhex(exampleFrame).slice(6)
    block.set(unhex(bytes), at)
    return block
  }

  test.each([
    ['a metadata length that differs from the block', patched(0, '0000003c'), 'metadata of 60'],
    ['a digest length beyond the block', patched(24, '00000011'), 'digest of 17 bytes'],
    ['a digest length of 4 GiB', patched(24, 'ffffffff'), 'digest of 4294967295 bytes'],
    ['a digest length that is too short', patched(24, '0000000f'), 'parent id'],
    ['a parent id beyond the block', patched(44, '00000001'), 'parent id of 1 bytes'],
    ['a parent id of 4 GiB', patched(44, 'ffffffff'), 'parent id of 4294967295 bytes'],
    ['a digest that is not UTF-8', patched(28, 'ff'), 'digest is not UTF-8'],
    ['an offset over 2^53', patched(8, '0020000000000000'), 'offset 9007199254740992'],
    ['a length over 2^53', patched(16, 'ffffffffffffffff'), 'piece length'],
    ['a cost that has no number of ms', patched(49, '001fffffffffffff'), 'cost'],
    ['a time after the year 262142', patched(57, '7fffffffffffffff'), 'not a valid time'],
    ['a time long before our era', patched(57, '8000000000000000'), 'not a valid time'],
    ['a block that is cut', patched(0, '0000003d').subarray(0, 64), 'metadata of 61'],
    ['nothing', new Uint8Array(0), 'only 0 bytes'],
  ])('%s', (_name, block, what) => {
    const error = failure(() => decodePieceContent(block))
    expect(error.code).toBe('PeerProtocol')
    expect(error.message).toContain(what)
  })

  test('a task id that is not ASCII', () => {
    const bytes = new Uint8Array(68).fill(0xe4)
    expect(failure(() => decodeRequest(bytes)).code).toBe('PeerProtocol')
    expect(failure(() => decodeRequest(bytes.subarray(1))).code).toBe('PeerProtocol')
  })

  test('an error message that is not UTF-8', () => {
    expect(failure(() => decodeError(unhex('02ff'))).code).toBe('PeerProtocol')
    expect(failure(() => decodeError(new Uint8Array(0))).code).toBe('PeerProtocol')
  })
})

describe('what we cannot send', () => {
  const request = { family: 'standard', taskId, number: 0, packetId: 0 } as const

  test.each([
    ['a task id of 128 characters', () => encodeRequest({ ...request, taskId: 'a'.repeat(128) })],
    ['a task id with umlauts', () => encodeRequest({ ...request, taskId: 'ä'.repeat(64) })],
    [
      'a task id with a line feed',
      () => encodeRequest({ ...request, taskId: `${'a'.repeat(63)}\n` }),
    ],
    ['a negative piece number', () => encodeRequest({ ...request, number: -1 })],
    ['a piece number of 2^32', () => encodeRequest({ ...request, number: 2 ** 32 })],
    ['a fraction', () => encodePieceContent({ ...example, offset: 0.5 }, 'standard', 0)],
    [
      'a length that is not exact',
      () => encodePieceContent({ ...example, length: 2 ** 53 }, 'standard', 0),
    ],
    [
      'a time that is none',
      () => encodePieceContent({ ...example, createdAt: Number.NaN }, 'standard', 0),
    ],
    [
      'half a character',
      () => encodePieceContent({ ...example, parentId: '\ud800' }, 'standard', 0),
    ],
    [
      'a long digest',
      () => encodePieceContent({ ...example, digest: 'd'.repeat(257) }, 'standard', 0),
    ],
  ])('%s', (_name, encode) => {
    expect(failure(encode).code).toBe('InvalidArgument')
  })

  test('a long error message is cut between two characters', () => {
    const frame = encodeError(3, 'ä'.repeat(20_000), 0)
    expect(decodeFrameHeader(frame.subarray(0, 6)).type).toBe('error')
    expect(decodeError(value(frame)).message).toBe('ä'.repeat(8191))
  })
})

const families = fc.constantFrom<TaskFamily>('standard', 'persistent', 'persistent-cache')
const bytes = (max: number) => fc.string({ unit: 'binary', maxLength: max })
const headers: fc.Arbitrary<PieceHeader> = fc.record({
  number: fc.integer({ min: 0, max: 0xffff_ffff }),
  offset: fc.maxSafeNat(),
  length: fc.maxSafeNat(),
  digest: bytes(64),
  parentId: bytes(256),
  costMs: fc.integer({ min: 0, max: 2 ** 31 }).map((sec) => sec * 1000),
  createdAt: fc.integer({ min: -(2 ** 31), max: 2 ** 40 }).map((sec) => sec * 1000),
})

describe('round trips', () => {
  test('every header comes back', () => {
    fc.assert(
      fc.property(headers, families, fc.nat(255), (header, family, packetId) => {
        const frame = encodePieceContent(header, family, packetId)
        const { length, ...rest } = decodeFrameHeader(frame.subarray(0, 6))
        expect(rest).toEqual({ type: 'content', family, packetId })
        expect(length).toBe(frame.byteLength - 6)
        expect(decodePieceContent(value(frame))).toEqual(header)
      }),
    )
  })

  test('every request and every error comes back', () => {
    const ids = fc.string({
      unit: fc.constantFrom(...'0123456789abcdef'),
      minLength: 64,
      maxLength: 64,
    })
    fc.assert(
      fc.property(ids, fc.nat(0xffff_ffff), bytes(100), (id, number, message) => {
        const request = encodeRequest({ family: 'standard', taskId: id, number, packetId: 1 })
        expect(decodeRequest(value(request))).toEqual({ taskId: id, number })
        expect(decodeError(value(encodeError(3, message, 1)))).toEqual({ code: 3, message })
      }),
    )
  })

  test('fractions of a second are dropped', () => {
    const frame = encodePieceContent({ ...example, costMs: 1999.5, createdAt: 1999 }, 'standard', 0)
    expect(decodePieceContent(value(frame))).toMatchObject({ costMs: 1000, createdAt: 1000 })
  })
})

describe('whatever comes', () => {
  const decoders = [decodeFrameHeader, decodePieceContent, decodeRequest, decodeError]
  const onlyPeerProtocol = (bytes: Uint8Array): void => {
    for (const decode of decoders) {
      try {
        decode(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DfError)
        expect((error as DfError).code).toBe('PeerProtocol')
      }
    }
  }

  test("random bytes are decoded or are the peer's fault", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyPeerProtocol), { numRuns: 2000 })
  })

  test("a valid block with some bytes changed, cut or added is decoded or is the peer's fault", () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(headers, changes, fc.integer({ min: -60, max: 5 }), (header, edits, growth) => {
        const frame = encodePieceContent(header, 'standard', 0)
        const block = new Uint8Array(Math.max(0, frame.byteLength - 6 + growth))
        block.set(value(frame).subarray(0, block.byteLength))
        for (const [at, byte] of edits) block[at % Math.max(1, block.byteLength)] = byte
        onlyPeerProtocol(block)
      }),
      { numRuns: 2000 },
    )
  })
})
