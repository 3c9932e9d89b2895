import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ExchangeMessageSchema } from '@damselfly/api/peer'
import { isDfError } from '@damselfly/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SwarmMessage } from '../swarm/index.ts'
import { fromWire, maxNumbers, toWire } from './wire.ts'

const pieceCount = 70
const piece = fc.nat(pieceCount - 1)
const pieces = fc.array(piece, { maxLength: 20 })

const anything: fc.Arbitrary<SwarmMessage> = fc.oneof(
  fc.array(piece).map((held) => {
    const words = new Uint32Array(3)
    for (const n of held) words[n >>> 5] = (words[n >>> 5] ?? 0) | (1 << (n & 31))
    return { kind: 'inventory', words } as const
  }),
  pieces.map((some) => ({ kind: 'have', pieces: some }) as const),
  pieces.map((some) => ({ kind: 'lost', pieces: some }) as const),
  fc.record({ kind: fc.constant('fetching' as const), pieces, on: fc.boolean() }),
  fc.constant({ kind: 'interested' } as const),
  fc.option(piece, { nil: undefined }).map((one) => ({ kind: 'grant', piece: one }) as const),
  fc
    .constantFrom('full' as const, 'nothing' as const)
    .map((reason) => ({ kind: 'decline', reason }) as const),
)

const overTheWire = (message: SwarmMessage) => {
  const bytes = toBinary(ExchangeMessageSchema, create(ExchangeMessageSchema, toWire(message)))
  return fromWire(fromBinary(ExchangeMessageSchema, bytes).message, pieceCount)
}

const content = (message: Parameters<typeof create<typeof ExchangeMessageSchema>>[1]) =>
  create(ExchangeMessageSchema, message).message

describe('messages of an exchange', () => {
  test('arrive as they were said', () => {
    fc.assert(
      fc.property(anything, (message) => {
        expect(overTheWire(message)).toEqual(message)
      }),
    )
  })

  test.each([
    ['a piece that does not exist', { case: 'have', value: { numbers: [70] } }],
    ['too many pieces', { case: 'have', value: { numbers: Array(maxNumbers + 1).fill(0) } }],
    ['a grant for a piece that does not exist', { case: 'grant', value: { piece: 70 } }],
    ['too long an inventory', { case: 'inventory', value: new Uint8Array(13) }],
    [
      'an inventory with bits behind the last piece',
      { case: 'inventory', value: new Uint8Array(12).fill(255) },
    ],
    ['lost pieces that do not exist', { case: 'lost', value: { numbers: [4_294_967_295] } }],
  ] as const)('are refused: %s', (_, message) => {
    expect(() => fromWire(content({ message } as never), pieceCount)).toThrow(/neighbour/)
  })

  test('of any bytes are understood, or refused in words', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let message: ReturnType<typeof content>
        try {
          message = fromBinary(ExchangeMessageSchema, bytes).message
        } catch {
          return
        }
        try {
          fromWire(message, pieceCount)
        } catch (error) {
          expect(isDfError(error, 'PeerProtocol')).toBe(true)
        }
      }),
    )
  })
})
