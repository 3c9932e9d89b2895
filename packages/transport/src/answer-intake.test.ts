import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { AnswerIntake, type IntakeOwner } from './answer-intake.ts'
import { encodePieceContent } from './codec.ts'
import type { PieceSink } from './piece.ts'
import { PieceExchange } from './piece-exchange.ts'

const KiB = 1024
const recordBytes = 16 * KiB

const pattern = Buffer.alloc(
  1024 * KiB,
  Uint8Array.from({ length: 251 }, (_, i) => i),
)

function answerOf(length: number): Buffer {
  const header = { number: 0, offset: 0, length, digest: '', parentId: '', costMs: 0, createdAt: 0 }
  return Buffer.concat([encodePieceContent(header, 'standard', 0), pattern.subarray(0, length)])
}

class Owner implements IntakeOwner {
  first: PieceExchange | undefined
  isClosed = false
  surplusCount = 0

  advance(exchange: PieceExchange): void {
    const { answer } = exchange.reader
    if (answer === undefined) return
    this.first = undefined
    exchange.end(answer)
  }

  surplus(): void {
    this.surplusCount += 1
    this.isClosed = true
  }

  broken(error: unknown): void {
    this.first?.end({ error })
    this.isClosed = true
  }

  resume(): void {}
}

/** Feeds an answer to a sink in reads of some size, as a socket does. */
async function receive(
  bytes: Buffer,
  {
    length,
    sink,
    step,
    isGathered,
  }: { length: number; sink: PieceSink; step: number; isGathered: boolean },
) {
  const owner = new Owner()
  const intake = new AnswerIntake(owner)
  const peer = { endpoint: { host: '127.0.0.1', port: 1 } }
  const fetch = {
    peer,
    family: 'standard',
    taskId: 'a',
    number: 0,
    expectedLength: length,
    sink,
  } as const
  const exchange = new PieceExchange(fetch, new Uint8Array(0), false)
  owner.first = exchange
  const { buffer, callback } = isGathered
    ? intake.gathering()
    : intake.sharing(new Uint8Array(1024 * KiB))
  for (let at = 0; at < bytes.byteLength && !owner.isClosed; at += step) {
    const target = typeof buffer === 'function' ? buffer() : buffer
    const part = bytes.subarray(at, at + step)
    target.set(part)
    callback(part.byteLength, target)
    while (intake.isPaused) await setImmediate()
    // Whatever lies there is overwritten by others.
    if (!isGathered) target.fill(0xff, 0, part.byteLength)
  }
  await exchange.promise
  return { owner, intake }
}

describe.each([
  ['shared', false],
  ['of its own', true],
] as const)('a read buffer that is %s', (_name, isGathered) => {
  test.each([
    ['immediate', false],
    ['patient', true],
  ] as const)(
    'brings all bytes to an %s sink, and the last ones without waiting for more',
    async (_kind, isPatient) => {
      for (let length = 0; length < 800 * KiB; length += 23_007) {
        const step = length % 2 === 0 ? recordBytes : 15_001
        const chunks: Buffer[] = []
        const keep = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk))
        const sink: PieceSink = { write: isPatient ? async (chunk) => keep(chunk) : keep }
        const bytes = answerOf(length)
        await receive(bytes, { length, sink, step, isGathered })
        const content = Buffer.concat(chunks)
        expect(content.equals(bytes.subarray(bytes.byteLength - length)), `${length}`).toBe(true)
      }
    },
  )
})

test('a chunk that a patient sink works on is not overwritten by what comes next', async () => {
  const length = 900 * KiB
  const bytes = answerOf(length)
  let position = bytes.byteLength - length
  const sink: PieceSink = {
    async write(chunk) {
      await setImmediate()
      expect(bytes.subarray(position, position + chunk.byteLength).equals(chunk)).toBe(true)
      position += chunk.byteLength
    },
  }
  await receive(bytes, { length, sink, step: 100_003, isGathered: false })
  expect(position).toBe(bytes.byteLength)
})

test('a sink that has taken a chunk may keep the next one waiting', async () => {
  const length = 900 * KiB
  const bytes = answerOf(length)
  const chunks: Buffer[] = []
  let isReady = true
  const sink: PieceSink = {
    write(chunk) {
      expect(isReady).toBe(true)
      chunks.push(Buffer.from(chunk))
    },
    ready() {
      if (chunks.length % 2 === 0) return undefined
      isReady = false
      return setImmediate().then(() => {
        isReady = true
      })
    },
  }
  await receive(bytes, { length, sink, step: 100_003, isGathered: false })
  expect(Buffer.concat(chunks).equals(bytes.subarray(bytes.byteLength - length))).toBe(true)
  expect(chunks.length).toBeGreaterThan(5)
})

test('what nobody asked for is told once', async () => {
  const bytes = Buffer.concat([answerOf(10), Buffer.from('more')])
  const sink: PieceSink = { write: () => {} }
  const { owner } = await receive(bytes, { length: 10, sink, step: 1000, isGathered: false })
  expect(owner.surplusCount).toBe(1)
})
