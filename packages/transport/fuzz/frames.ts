import { isDfError, type Random, randomInt, seededRandom } from '@damselfly/core'
import { AnswerReader } from '../src/answer-reader.ts'
import {
  decodeError,
  decodeFrameHeader,
  decodeKeptRequest,
  decodePieceContent,
  decodeRequest,
  encodeError,
  encodePieceContent,
  encodeRequest,
} from '../src/codec.ts'
import { packBlock } from '../src/packed-blocks.ts'
import { RequestReader } from '../src/request-reader.ts'
import { mutate, type Subject } from './mutations.ts'

export interface FrameFuzzOptions {
  readonly iterations: number
  /** The same seed gives the same run. */
  readonly seed: number
  readonly onProgress?: (done: number) => void
}

export interface FrameFuzzReport {
  readonly iterations: number
  /** Inputs that were understood as a whole. */
  readonly accepted: number
  /** Inputs that were refused as the peer's fault. */
  readonly refused: number
  /** Inputs after which more was waited for. */
  readonly unfinished: number
  /** The most memory outside of the heap that was ever in use, bytes. */
  readonly peakBytes: number
}

type Outcome = 'accepted' | 'refused' | 'unfinished'
type Target = (bytes: Buffer, random: Random) => Outcome

const family = 'standard'
const endpoint = { host: '127.0.0.1', port: 1 }
const taskId = 'a'.repeat(64)
const contentBytes = 300
const reportEvery = 1 << 17
/** Far more than the garbage between two collections. */
const maxMemoryBytes = 1024 * 1024 * 1024

const header = (length: number, digest: string, parentId: string) => ({
  number: 1,
  offset: 4096,
  length,
  digest,
  parentId,
  costMs: 2000,
  createdAt: 1_700_000_000_000,
})

/** Valid input of every kind. */
function corpus(): Buffer[] {
  const request = { family, taskId, number: 1, packetId: 0 } as const
  const kept = { isPackedWelcome: true, isBackground: false }
  const content = Buffer.alloc(contentBytes, 'The quick brown fox. ')
  const metadata = header(contentBytes, 'crc32:1475635037', 'host-1-peer')
  const plain = encodePieceContent(metadata, family, 0)
  const packed = encodePieceContent(metadata, family, 0, 'packedContent')
  const bare = encodePieceContent(header(contentBytes, '', ''), family, 0)
  const inputs = [
    [encodeRequest(request)],
    [encodeRequest({ ...request, kept }), encodeRequest({ ...request, number: 2, kept })],
    [plain, content],
    [bare, content],
    [packed, ...packBlock(content, 1)],
    [packed, ...packBlock(Buffer.from(content.map((_, i) => (i * i * 37) % 251)), 1)],
    [encodeError(2, 'the piece is not here', 0)],
    [encodeError(64, 'ä'.repeat(50), 0)],
    [Buffer.from('00fe00000000', 'hex')],
  ]
  return inputs.map((parts) => Buffer.concat(parts))
}

const values = {
  request: decodeRequest,
  keptRequest: decodeKeptRequest,
  content: decodePieceContent,
  packedContent: decodePieceContent,
  error: decodeError,
  close: () => undefined,
}

/** One frame that lies there as a whole. */
const codec: Target = (bytes) => {
  const frame = decodeFrameHeader(bytes.subarray(0, 6))
  if (bytes.byteLength < 6 + frame.length) return 'unfinished'
  values[frame.type](bytes.subarray(6, 6 + frame.length))
  return 'accepted'
}

/** What a child makes of what a parent sends, in parts of any size. */
const client: Target = (bytes, random) => {
  const isPackedWelcome = randomInt(random, 8) > 0
  const expectedLength = contentBytes
  const reader = new AnswerReader({ endpoint, family, number: 1, expectedLength, isPackedWelcome })
  let handedOut = 0
  let steps = 0
  for (let at = 0; at < bytes.byteLength && reader.answer === undefined; ) {
    const end = at + 1 + randomInt(random, randomInt(random, 2) === 0 ? 8 : 800)
    const taken = reader.read(bytes.subarray(at, end))
    handedOut += reader.content?.byteLength ?? 0
    at += taken
    steps += 1
    if (taken === 0 && reader.answer === undefined) throw new Error('it takes nothing')
    if (steps > bytes.byteLength) throw new Error('it does not come to an end')
    if (handedOut > contentBytes) throw new Error(`it hands out ${handedOut} bytes`)
  }
  const { answer } = reader
  if (answer === undefined) return 'unfinished'
  if ('error' in answer) return 'accepted'
  if (handedOut !== contentBytes) throw new Error(`a piece of ${handedOut} bytes`)
  if (answer.piece.length !== contentBytes) throw new Error('a header of another length')
  return 'accepted'
}

/** What a parent makes of what a child sends. */
const server: Target = (bytes, random) => {
  const reader = new RequestReader()
  let asked = 0
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 1 + randomInt(random, 200)
    reader.push(bytes.subarray(at, end))
    at = end
    while (reader.next() !== undefined) asked += 1
  }
  if (asked * 74 > bytes.byteLength) throw new Error(`${asked} requests`)
  return reader.size === 0 ? 'accepted' : 'unfinished'
}

const targets: readonly Target[] = [codec, codec, client, server]

/**
 * Feeds mutated frames to the codec and to the readers of both sides. Whatever comes, they may only understand it, wait for
 * more, or throw `PeerProtocol`; anything else is thrown with the seed, the iteration and the input.
 */
export function fuzzFrames({ iterations, seed, onProgress }: FrameFuzzOptions): FrameFuzzReport {
  const random = seededRandom(seed)
  const inputs = corpus()
  const counts = { accepted: 0, refused: 0, unfinished: 0 }
  const subject: Subject = { bytes: Buffer.alloc(2048), size: 0 }
  let peakBytes = 0
  // Most inputs are refused, and where in the code that was, nobody asks.
  using _ = withoutStacks()
  for (let done = 0; done < iterations; done++) {
    const input = inputs[randomInt(random, inputs.length)] ?? Buffer.alloc(0)
    input.copy(subject.bytes)
    subject.size = input.byteLength
    mutate(subject, random)
    const target = targets[randomInt(random, targets.length)] ?? codec
    const bytes = subject.bytes.subarray(0, subject.size)
    counts[attempt(target, { bytes, random, at: `seed ${seed}, iteration ${done}` })] += 1
    if (done % reportEvery !== 0) continue
    peakBytes = Math.max(peakBytes, checkMemory())
    onProgress?.(done)
  }
  return { iterations, ...counts, peakBytes }
}

function withoutStacks(): Disposable {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  return {
    [Symbol.dispose]: () => {
      Error.stackTraceLimit = stackTraceLimit
    },
  }
}

function attempt(
  target: Target,
  { bytes, random, at }: { bytes: Buffer; random: Random; at: string },
): Outcome {
  try {
    return target(bytes, random)
  } catch (error) {
    if (isDfError(error, 'PeerProtocol')) return 'refused'
    throw new Error(`Fuzzing failed at ${at}: ${String(error)}\n${bytes.toString('hex')}`, {
      cause: error,
    })
  }
}

function checkMemory(): number {
  const { arrayBuffers } = process.memoryUsage()
  if (arrayBuffers > maxMemoryBytes) throw new Error(`${arrayBuffers} bytes are in use`)
  return arrayBuffers
}
