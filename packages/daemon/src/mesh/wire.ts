import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ExchangeMessage, ExchangeMessageSchema } from '@damselfly/api/peer'
import { DfError } from '@damselfly/core'
import type { SwarmMessage } from '../swarm/index.ts'

export type WireMessage = MessageInitShape<typeof ExchangeMessageSchema>
type Content = ExchangeMessage['message']

/** Of one message; a neighbour that has more to say sends several. */
export const maxNumbers = 16_384

/** What the exchange says, as it travels. */
export function toWire(message: SwarmMessage): WireMessage {
  switch (message.kind) {
    case 'inventory':
      return { message: { case: 'inventory', value: toBytes(message.words) } }
    case 'have':
      return { message: { case: 'have', value: { numbers: [...message.pieces] } } }
    case 'lost':
      return { message: { case: 'lost', value: { numbers: [...message.pieces] } } }
    case 'fetching': {
      const value = { numbers: [...message.pieces] }
      return { message: message.on ? { case: 'fetching', value } : { case: 'givenUp', value } }
    }
    case 'interested':
      return { message: { case: 'interested', value: {} } }
    case 'grant': {
      const value = message.piece === undefined ? {} : { piece: message.piece }
      return { message: { case: 'grant', value } }
    }
    case 'decline':
      return { message: { case: 'decline', value: { isFull: message.reason === 'full' } } }
  }
}

/**
 * What a neighbour says to the exchange; `undefined` for what concerns the link alone. Throws `PeerProtocol` when numbers are no
 * pieces of the task, or too many.
 */
export function fromWire(content: Content, pieceCount: number): SwarmMessage | undefined {
  switch (content.case) {
    case 'inventory':
      return { kind: 'inventory', words: toWords(content.value, pieceCount) }
    case 'have':
      return { kind: 'have', pieces: checked(content.value.numbers, pieceCount) }
    case 'lost':
      return { kind: 'lost', pieces: checked(content.value.numbers, pieceCount) }
    case 'fetching':
    case 'givenUp': {
      const pieces = checked(content.value.numbers, pieceCount)
      return { kind: 'fetching', pieces, on: content.case === 'fetching' }
    }
    case 'interested':
      return { kind: 'interested' }
    case 'grant': {
      const { piece } = content.value
      return { kind: 'grant', piece: piece === undefined ? piece : onePiece(piece, pieceCount) }
    }
    case 'decline':
      return { kind: 'decline', reason: content.value.isFull ? 'full' : 'nothing' }
    default:
      return undefined
  }
}

/** Throws `PeerProtocol` when the task has no such piece. */
export function onePiece(piece: number, pieceCount: number): number {
  if (piece >= pieceCount) throw wrong(`named piece ${piece} of ${pieceCount}`)
  return piece
}

function checked(numbers: readonly number[], pieceCount: number): readonly number[] {
  if (numbers.length > maxNumbers) throw wrong(`named ${numbers.length} pieces at once`)
  for (const piece of numbers) onePiece(piece, pieceCount)
  return numbers
}

function toBytes(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [at, word] of words.entries()) view.setUint32(at * 4, word, true)
  return bytes
}

/** Shorter than the task is fine, the rest is not held. */
function toWords(bytes: Uint8Array, pieceCount: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(pieceCount / 32))
  if (bytes.byteLength > words.length * 4) throw wrong('told of more pieces than there are')
  for (const [at, byte] of bytes.entries()) {
    words[at >>> 2] = (words[at >>> 2] ?? 0) | (byte << ((at & 3) * 8))
  }
  const rest = pieceCount % 32
  if (rest !== 0 && ((words.at(-1) ?? 0) & ~((1 << rest) - 1)) !== 0) {
    throw wrong('told of pieces that do not exist')
  }
  return words
}

const wrong = (what: string): DfError => new DfError('PeerProtocol', `The neighbour ${what}.`)
