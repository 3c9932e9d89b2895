import { DfError, systemClock } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import {
  decodeError,
  encodePieceContent,
  encodeRequest,
  RateLimit,
  type ServedPiece,
  UploadGovernor,
} from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchFrom,
  fetchOf,
  kept,
  MiB,
  newLinks,
  type PieceLog,
  piece,
  pieces,
  rawClient,
  serve,
  taskId,
  until,
} from './harness.ts'

const request = (number: number, isBackground = false): Uint8Array =>
  encodeRequest({
    family: 'standard',
    taskId,
    number,
    packetId: 0x2a,
    kept: { isPackedWelcome: false, isBackground },
  })
const headBytes = encodePieceContent(piece(0, new Uint8Array(0)), 'standard', 0).byteLength

/** Numbers of the pieces in a stream of answers of the same length, with a number each that says whether it is whole. */
function answersIn(bytes: Buffer, lengths: (number: number) => number): number[] {
  const numbers: number[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const number = bytes.readUInt32BE(at + 10)
    const length = lengths(number)
    const body = bytes.subarray(at + headBytes, at + headBytes + length)
    expect(body.equals(content(length, number)), `piece ${number}`).toBe(true)
    numbers.push(number)
    at += headBytes + length
  }
  return numbers
}

describe('a child that keeps its connection', () => {
  test('gets answers in the order of its requests, and may go on asking', async () => {
    const lengths = (n: number): number => (n % 4) * 30_003
    const served = Array.from({ length: 100 }, (_, n) => piece(n, content(lengths(n), n)))
    await using server = await serve(pieces(...served))
    using client = rawClient(server)
    const order = Array.from({ length: 100 }, (_, i) => (i * 37) % 100)
    client.socket.write(Buffer.concat(order.map((n) => request(n))))
    const total = order.reduce((sum, n) => sum + headBytes + lengths(n), 0)
    expect(answersIn(await client.has(total), lengths)).toEqual(order)
    client.socket.write(request(3))
    await client.has(total + headBytes + lengths(3))
    expect(server.connections).toBe(1)
    client.socket.end()
    await client.ended
    await until(() => server.connections === 0)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('and sends its FIN right after its requests gets all of the answers', async () => {
    const served = [0, 1, 2].map((n) => piece(n, content(MiB, n)))
    await using server = await serve(pieces(...served))
    using client = rawClient(server)
    client.socket.end(Buffer.concat([request(0), request(1), request(2)]))
    await client.ended
    expect(answersIn(client.received(), () => MiB)).toEqual([0, 1, 2])
    await until(() => server.connections === 0)
  })

  test('is read no further when too many of its requests wait', async () => {
    const gate = Promise.withResolvers<void>()
    let opened = 0
    await using server = await serve(async (_family, _id, number) => {
      opened += 1
      await gate.promise
      return piece(number, content(1, number))
    })
    using client = rawClient(server)
    const count = 50_000
    const all = Buffer.concat(Array.from({ length: count }, () => request(1)))
    let isTaken = false
    client.socket.write(all, () => {
      isTaken = true
    })
    await until(() => opened === 1)
    // Some MiB fit into the buffers of two kernels; the server has asked for none of the rest.
    expect(opened).toBe(1)
    gate.resolve()
    expect(answersIn(await client.has(count * (headBytes + 1)), () => 1)).toHaveLength(count)
    expect(isTaken).toBe(true)
  })

  test('has its next piece opened while one is sent, and no further one', async () => {
    const opened: number[] = []
    const log: PieceLog = { released: [], reads: [] }
    await using server = await serve(async (_family, _id, number) => {
      opened.push(number)
      return piece(number, content(32 * MiB), log)
    })
    using client = rawClient(server)
    client.socket.write(Buffer.concat([0, 1, 2].map((n) => request(n))))
    await client.has(1000)
    client.socket.pause()
    await until(() => opened.length === 2)
    expect(opened).toEqual([0, 1])
    client.socket.destroy()
    await until(() => server.connections === 0)
    expect(log.released).toHaveLength(2)
    expect(log.released[1]).toBe(0)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('who leaves before its piece was found leaves nothing behind', async () => {
    const log: PieceLog = { released: [], reads: [] }
    const found = Promise.withResolvers<ServedPiece>()
    let asked = 0
    await using server = await serve(() => {
      asked += 1
      return found.promise
    })
    using client = rawClient(server)
    client.socket.write(request(0))
    await until(() => asked === 1)
    client.socket.resetAndDestroy()
    await until(() => server.connections === 0)
    expect(log.released).toEqual([])
    found.resolve(piece(0, content(10), log))
    await until(() => log.released.length === 1)
    expect(log.released).toEqual([0])
  })

  test('is told what is missing, in order, and goes on', async () => {
    await using server = await serve(async (_family, _id, number) => {
      if (number === 1) throw new DfError('PieceNotFound', 'no')
      if (number === 2) throw new Error('EIO at /secret')
      return piece(number, content(10, number))
    })
    using client = rawClient(server)
    client.socket.write(Buffer.concat([0, 1, 2, 3].map((n) => request(n))))
    const lacks = 6 + 1 + 'the piece is not here'.length
    const fails = 6 + 1 + 'the piece cannot be read'.length
    const bytes = await client.has(2 * (headBytes + 10) + lacks + fails)
    const errors = bytes.subarray(headBytes + 10)
    expect(decodeError(errors.subarray(6, lacks)).code).toBe(2)
    expect(decodeError(errors.subarray(lacks + 6, lacks + fails)).code).toBe(3)
    expect(answersIn(errors.subarray(lacks + fails), () => 10)).toEqual([3])
  })

  test('is dropped for anything that is no request, also after good ones', async () => {
    await using server = await serve(pieces(piece(0, content(10))))
    for (const offence of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      encodeRequest({ family: 'standard', taskId, number: 0, packetId: 0 }).subarray(0, 5),
    ]) {
      using client = rawClient(server)
      client.socket.write(request(0))
      await client.has(headBytes + 10)
      void client.socket.end(offence)
      await client.ended
      await until(() => server.connections === 0)
    }
  })

  test('is dropped when it asks for nothing for long, not while it is served', async () => {
    await using server = await serve(pieces(piece(0, content(10))), { idleMs: 40 })
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    expect(client.received().byteLength).toBe(headBytes + 10)
    await until(() => server.connections === 0)
  })

  test('who stops reading is dropped, and all its pieces are released', async () => {
    const log: PieceLog = { released: [], reads: [] }
    const served = [0, 1].map((n) => piece(n, content(64 * MiB), log))
    await using server = await serve(pieces(...served), { idleMs: 40 })
    using client = rawClient(server)
    client.socket.pause()
    client.socket.write(Buffer.concat([request(0), request(1)]))
    await until(() => log.released.length === 2)
    await until(() => server.connections === 0)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('and does not use it gives way when there are too many', async () => {
    await using server = await serve(pieces(piece(0, content(10))), { maxConnections: 1 })
    using first = rawClient(server)
    first.socket.write(request(0))
    await first.has(headBytes + 10)
    using second = rawClient(server)
    second.socket.write(request(0))
    await second.has(headBytes + 10)
    await first.ended
    expect(server.connections).toBe(1)
  })

  test('many that leave at any time leave nothing behind', async () => {
    const log: PieceLog = { released: [], reads: [] }
    let opened = 0
    await using server = await serve(async (_family, _id, number) => {
      opened += 1
      return piece(number, content(number * 10_007, number), log)
    })
    for (let i = 0; i < 60; i++) {
      using client = rawClient(server)
      client.socket.write(Buffer.concat([1, 30, 2, 60, 3].map((n) => request(n))))
      await client.has(1 + i * 5000)
      if (i % 2 === 0) client.socket.resetAndDestroy()
    }
    await until(() => server.connections === 0)
    expect(log.released).toHaveLength(opened)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('when the server stops, finishes the piece under way and asks elsewhere for the rest', async () => {
    const bytes = content(8 * MiB)
    const server = await serve(pieces(piece(0, bytes), piece(1, bytes), piece(2, bytes)))
    await using links = newLinks({ connectionsPerPeer: 1 })
    let stopped: Promise<void> | undefined
    const sink = {
      write(): void {
        stopped ??= server.stop()
      },
    }
    const results = await Promise.allSettled([
      links.fetch(fetchOf(kept(server), 0, bytes.byteLength, { sink })),
      ...[1, 2].map((n) => links.fetch(fetchOf(kept(server), n, bytes.byteLength))),
    ])
    expect(results[0]?.status).toBe('fulfilled')
    expect(results[2]).toMatchObject({ reason: { code: 'PeerUnavailable' } })
    await stopped
  })
})

describe('a piece that is read synchronously', () => {
  const plain = (number: number, bytes: Buffer): ServedPiece => ({
    ...piece(number, bytes),
    read: (buffer, offset) => {
      const part = bytes.subarray(offset, offset + Math.min(buffer.byteLength, 70_001))
      buffer.set(part)
      return part.byteLength
    },
  })

  test('arrives as it is', async () => {
    const bytes = content(3 * MiB + 1, 1)
    await using server = await serve(pieces(plain(1, bytes)))
    using client = rawClient(server)
    client.socket.write(request(1))
    expect(
      answersIn(await client.has(headBytes + bytes.byteLength), () => bytes.byteLength),
    ).toEqual([1])
  })

  test('that throws is error 3, that ends early breaks the connection', async () => {
    const broken: ServedPiece = {
      ...piece(0, content(MiB)),
      read() {
        throw new Error('EIO')
      },
    }
    const short: ServedPiece = {
      ...piece(1, content(MiB)),
      read: (buffer, offset) => (offset > 0 ? 0 : buffer.byteLength),
    }
    await using server = await serve(pieces(broken, short))
    await using links = newLinks()
    expect(await codeOf(links.fetch(fetchOf(kept(server), 0, MiB)))).toBe('PeerUnavailable')
    expect(await codeOf(links.fetch(fetchOf(kept(server), 1, MiB)))).toBe('PeerUnavailable')
    expect(server.pool.stats.inUse).toBe(0)
  })
})

describe('a server that is governed', () => {
  test('says to our own that it is overloaded and closes the connection to Dragonfly', async () => {
    const governor = new UploadGovernor({ slots: 1, maxWaiting: 0 }, { clock: systemClock })
    const gate = Promise.withResolvers<void>()
    const slow: ServedPiece = {
      ...piece(0, content(MiB)),
      read: (buffer) => gate.promise.then(() => buffer.byteLength),
    }
    await using server = await serve(pieces(slow, piece(1, content(10))), { governor })
    await using links = newLinks({ connectionsPerPeer: 2 })
    const first = links.fetch(fetchOf(kept(server), 0, MiB))
    await until(() => governor.stats.sending === 1)
    const refused: unknown = await links.fetch(fetchOf(kept(server), 1, 10)).catch((e) => e)
    expect(refused).toMatchObject({ code: 'Overloaded', details: { frameCode: 64 } })
    expect(await codeOf(fetchFrom(server, 10, { number: 1 }))).toBe('PeerUnavailable')
    gate.resolve()
    await first
    expect((await links.fetch(fetchOf(kept(server), 1, 10))).length).toBe(10)
    expect(governor.stats).toEqual({ sending: 0, waiting: 0, refused: 2 })
  })

  test('sends no faster than its limits, in chunks that are small enough', async () => {
    const clock = new FakeClock()
    const limit = new RateLimit(200_000, { clock })
    const governor = new UploadGovernor(
      { slots: 8, maxWaiting: 8 },
      { clock, limits: () => [limit] },
    )
    const log: PieceLog = { released: [], reads: [] }
    await using server = await serve(pieces(piece(0, content(40_000, 0), log)), { governor })
    await using links = newLinks()
    let isDone = false
    const fetched = links.fetch(fetchOf(kept(server), 0, 40_000)).then(() => {
      isDone = true
    })
    while (!isDone) await clock.advance(1)
    await fetched
    // 12,000 bytes may pass at once, the others take their time.
    expect(clock.monotonic()).toBeGreaterThanOrEqual(140)
    expect(Math.max(...log.reads.map(({ length }) => length))).toBeLessThanOrEqual(4000)
  })

  test('knows which child asks for what, and how urgently', async () => {
    const asked: unknown[] = []
    const governor = new UploadGovernor(
      { slots: 8, maxWaiting: 8 },
      {
        clock: systemClock,
        limits: (upload) => {
          asked.push(upload)
          return []
        },
      },
    )
    await using server = await serve(pieces(piece(3, content(10))), { governor })
    await using links = newLinks()
    await links.fetch(fetchOf(kept(server), 3, 10, { isBackground: true }))
    await fetchFrom(server, 10, { number: 3 })
    const common = { child: '127.0.0.1', family: 'standard', taskId, number: 3 }
    expect(asked).toEqual([
      { ...common, isBackground: true },
      { ...common, isBackground: false },
    ])
  })
})
