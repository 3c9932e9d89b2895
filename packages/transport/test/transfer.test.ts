import type { PieceSink } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchFrom,
  MemorySink,
  MiB,
  type PieceLog,
  piece,
  pieces,
  recordingGovernor,
  serve,
  until,
} from './harness.ts'

describe('pieces arrive as they were', () => {
  const pooled = 256 * 1024
  test.each([0, 1, 2, 64 * 1024, 64 * 1024 + 1, pooled - 1, pooled, pooled + 1, 3 * MiB + 17])(
    '%i bytes',
    async (length) => {
      const log: PieceLog = { released: [], reads: [] }
      const bytes = content(length, 3)
      await using server = await serve(pieces(piece(0, bytes, log)))
      const sink = new MemorySink()
      await fetchFrom(server, length, { sink })
      expect(sink.bytes.equals(bytes)).toBe(true)
      await until(() => server.connections === 0)
      expect(log.released).toEqual([length])
      expect(server.pool.stats.inUse).toBe(0)
    },
  )

  test('tiny pieces take no pooled buffer', async () => {
    await using server = await serve(pieces(piece(0, content(1))))
    await fetchFrom(server, 1, {})
    expect(server.pool.stats.allocated).toBe(0)
  })

  test('the reader may give fewer bytes than it was asked for', async () => {
    const bytes = content(MiB)
    const whole = piece(0, bytes)
    const read: typeof whole.read = (buffer, offset) =>
      whole.read(buffer.subarray(0, Math.min(buffer.byteLength, 10_007)), offset)
    await using server = await serve(pieces({ ...whole, read }))
    const sink = new MemorySink()
    await fetchFrom(server, MiB, { sink })
    expect(sink.bytes.equals(bytes)).toBe(true)
  })
})

test('a piece of 64 MiB passes through two buffers of the sender', async () => {
  const bytes = content(64 * MiB)
  const log: PieceLog = { released: [], reads: [] }
  await using server = await serve(pieces(piece(0, bytes, log)))
  let position = 0
  let largest = 0
  const sink: PieceSink = {
    async write(chunk) {
      if (!bytes.subarray(position, position + chunk.byteLength).equals(chunk)) {
        throw new Error(`bytes differ after ${position}`)
      }
      position += chunk.byteLength
      largest = Math.max(largest, chunk.byteLength)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  await fetchFrom(server, bytes.byteLength, { sink })
  expect(position).toBe(bytes.byteLength)
  expect(largest).toBeLessThanOrEqual(2 * MiB)
  expect(server.pool.stats.highWater).toBeLessThanOrEqual(2)
  expect(Math.max(...log.reads.map((r) => r.length))).toBeLessThanOrEqual(server.pool.bufferBytes)
})

test('32 pieces at once', async () => {
  const bytes = Array.from({ length: 32 }, (_, n) => content(MiB + n * 1000, n))
  await using server = await serve(pieces(...bytes.map((b, n) => piece(n, b))))
  const sinks = bytes.map(() => new MemorySink())
  await Promise.all(
    bytes.map((b, number) => fetchFrom(server, b.byteLength, { number, sink: sinks[number]! })),
  )
  sinks.forEach((sink, n) => {
    expect(sink.bytes.equals(bytes[n]!), `piece ${n}`).toBe(true)
  })
})

test('a server that is stopped in the middle lets running transfers finish', async () => {
  const bytes = content(32 * MiB)
  const server = await serve(pieces(piece(0, bytes)))
  let stopped: Promise<void> | undefined
  let received = 0
  const sink: PieceSink = {
    async write(chunk) {
      stopped ??= server.stop()
      received += chunk.byteLength
    },
  }
  await fetchFrom(server, bytes.byteLength, { sink })
  await stopped
  expect(received).toBe(bytes.byteLength)
})

test('a server that is stopped without grace breaks transfers off as an unavailable peer', async () => {
  const log: PieceLog = { released: [], reads: [] }
  const server = await serve(pieces(piece(0, content(32 * MiB), log)), { graceMs: 0 })
  let stopped: Promise<void> | undefined
  const sink: PieceSink = {
    async write() {
      stopped ??= server.stop()
      await stopped
    },
  }
  expect(await codeOf(fetchFrom(server, 32 * MiB, { sink }))).toBe('PeerUnavailable')
  expect(log.released).toHaveLength(1)
})

test('limits hold for the sender chunk by chunk and count the header too', async () => {
  const taken: number[] = []
  const governor = recordingGovernor(taken)
  await using server = await serve(pieces(piece(0, content(MiB))), { governor })
  await fetchFrom(server, MiB)
  const headBytes = 6 + 49 + 'crc32:1475635037'.length + 'parent'.length
  expect(taken.reduce((a, b) => a + b)).toBe(MiB + headBytes)
  expect(Math.max(...taken)).toBeLessThanOrEqual(server.pool.bufferBytes)
})
