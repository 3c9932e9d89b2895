import { DfError, systemClock } from '@damselfly/core'
import {
  decodeError,
  encodePieceContent,
  encodeRequest,
  RateLimit,
  UploadGovernor,
} from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchFrom,
  MiB,
  newPool,
  type PieceLog,
  piece,
  pieces,
  rawClient,
  recordingGovernor,
  serve,
  taskId,
  until,
} from './harness.ts'

const request = (number: number): Uint8Array =>
  encodeRequest({ family: 'standard', taskId, number, packetId: 0x2a })
const newLog = (): PieceLog => ({ released: [], reads: [] })

describe('a conversation on the wire', () => {
  test('request, header and metadata, content, end of the connection', async () => {
    const bytes = content(100_000)
    const log = newLog()
    const served = piece(1, bytes, log)
    const sent: number[] = []
    await using server = await serve(pieces(served), { onSent: (n) => sent.push(n) })
    using client = rawClient(server)
    client.socket.write(request(1))
    await client.ended
    const received = client.received()
    const head = encodePieceContent(served, 'standard', received[0] ?? 0)
    expect(received.subarray(0, head.byteLength)).toEqual(Buffer.from(head))
    expect(received.subarray(head.byteLength).equals(bytes)).toBe(true)
    client.socket.end()
    await until(() => server.connections === 0)
    expect(log.released).toEqual([100_000])
    expect(sent.reduce((a, b) => a + b)).toBe(100_000)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('a child that sends its FIN after the metadata gets all of the content (trap T1)', async () => {
    const bytes = content(16 * MiB)
    const served = piece(0, bytes)
    await using server = await serve(pieces(served))
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.has(100)
    client.socket.end()
    await client.ended
    const head = encodePieceContent(served, 'standard', 0)
    expect(client.received().subarray(head.byteLength).equals(bytes)).toBe(true)
    await until(() => server.connections === 0)
  })

  test('a child that sends its FIN right after the request gets all of the content', async () => {
    const bytes = content(MiB)
    await using server = await serve(pieces(piece(0, bytes)))
    using client = rawClient(server)
    client.socket.end(request(0))
    await client.ended
    expect(client.received().subarray(-MiB).equals(bytes)).toBe(true)
    await until(() => server.connections === 0)
  })

  test('a request may come byte by byte', async () => {
    await using server = await serve(pieces(piece(0, content(10))))
    using client = rawClient(server)
    for (const byte of request(0)) client.socket.write(Uint8Array.of(byte))
    await client.ended
    expect(client.received().subarray(-10)).toEqual(content(10))
  })

  test('header and content of a tiny piece come in one write', async () => {
    const written: number[] = []
    const governor = recordingGovernor(written)
    await using server = await serve(pieces(piece(0, content(1))), { governor })
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    expect(written).toEqual([client.received().byteLength])
    expect(server.pool.stats.allocated).toBe(0)
  })

  test('every family is asked for by its own tags', async () => {
    const asked: unknown[] = []
    await using server = await serve(async (...args) => {
      asked.push(args.slice(0, 3))
      return piece(args[2], content(5))
    })
    for (const family of ['standard', 'persistent', 'persistent-cache'] as const) {
      await fetchFrom(server, 5, { family, number: 7 })
    }
    expect(asked).toEqual([
      ['standard', taskId, 7],
      ['persistent', taskId, 7],
      ['persistent-cache', taskId, 7],
    ])
  })
})

describe('what cannot be served', () => {
  const answerTo = async (error: unknown): Promise<{ code: number; message: string }> => {
    await using server = await serve(() => Promise.reject(error))
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    expect(client.received()[1]).toBe(255)
    return decodeError(client.received().subarray(6))
  }

  test.each(['PieceNotFound', 'TaskNotFound'] as const)('%s is error 2', async (code) => {
    const answer = await answerTo(new DfError(code, 'a path: /secret'))
    expect(answer).toEqual({ code: 2, message: 'the piece is not here' })
  })

  test('any other failure is error 3 and says nothing about this host', async () => {
    const answer = await answerTo(new Error('a path: /secret'))
    expect(answer).toEqual({ code: 3, message: 'the piece cannot be read' })
  })

  test('a piece whose first bytes cannot be read is error 3, and is released', async () => {
    const log = newLog()
    const read = () => Promise.reject(new Error('EIO'))
    await using server = await serve(pieces({ ...piece(0, content(MiB), log), read }))
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    expect(decodeError(client.received().subarray(6)).code).toBe(3)
    expect(log.released).toEqual([0])
  })

  test('a piece whose later bytes cannot be read ends the connection early', async () => {
    const log = newLog()
    const whole = piece(0, content(MiB), log)
    const read: typeof whole.read = (buffer, offset) =>
      offset > MiB / 2 ? Promise.resolve(0) : whole.read(buffer, offset)
    await using server = await serve(pieces({ ...whole, read }))
    expect(await codeOf(fetchFrom(server, MiB))).toBe('PeerUnavailable')
    await until(() => log.released.length > 0)
    expect(log.released[0]).toBeLessThan(MiB)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test.each([
    ['a reserved tag', Buffer.from('000900000044', 'hex')],
    ['a response', Buffer.from('000100000044', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['two requests', Buffer.concat([request(0), request(0)])],
    ['half a request and a FIN', request(0).subarray(0, 40)],
  ])('%s ends the connection without an answer', async (_name, bytes) => {
    await using server = await serve(pieces(piece(0, content(10))))
    using client = rawClient(server)
    client.socket.end(bytes)
    await client.ended
    expect(client.received().byteLength).toBe(0)
    await until(() => server.connections === 0)
  })
})

describe('children that do not do their part', () => {
  test('who asks for nothing is dropped', async () => {
    await using server = await serve(pieces(), { idleMs: 40 })
    using client = rawClient(server)
    client.socket.write(request(0).subarray(0, 73))
    await client.ended
    await until(() => server.connections === 0)
  })

  test('who stops reading is dropped, and what was sent by then is told', async () => {
    const log = newLog()
    await using server = await serve(pieces(piece(0, content(64 * MiB), log)), { idleMs: 40 })
    using client = rawClient(server)
    client.socket.pause()
    client.socket.write(request(0))
    await until(() => log.released.length > 0)
    expect(log.released[0]).toBeLessThan(64 * MiB)
    expect(server.pool.stats.inUse).toBe(0)
  })

  test('who reads slowly is served, however long one chunk takes', async () => {
    const length = 48 * MiB
    const served = { ...piece(0, new Uint8Array(0)), length, read: async () => length }
    const pool = newPool(2, 64 * MiB)
    await using server = await serve(pieces(served), { pool, idleMs: 200 })
    using client = rawClient(server)
    let sincePause = 0
    client.socket.on('data', (chunk) => {
      sincePause += chunk.byteLength
      if (sincePause < MiB) return
      sincePause = 0
      client.socket.pause()
      systemClock.schedule(20, () => client.socket.resume())
    })
    client.socket.write(request(0))
    await client.ended
    expect(client.received().byteLength).toBeGreaterThan(length)
  })

  test('who reads more slowly than it has to is dropped', async () => {
    const length = 48 * MiB
    const log = newLog()
    const served = { ...piece(0, new Uint8Array(0), log), length, read: async () => length }
    const minRate = { bytesPerSec: 1e12, windowMs: 40 }
    await using server = await serve(pieces(served), { pool: newPool(2, 64 * MiB), minRate })
    using client = rawClient(server)
    client.socket.on('data', () => {
      client.socket.pause()
      systemClock.schedule(5, () => client.socket.resume())
    })
    client.socket.write(request(0))
    await client.ended
    await until(() => server.connections === 0)
    expect(client.received().byteLength).toBeLessThan(length)
    expect(log.released).toEqual([0])
  })

  test('who takes what our own limit lets out is never too slow', async () => {
    const bytes = content(10_000)
    const limit = new RateLimit(50_000, { clock: systemClock })
    const governor = new UploadGovernor(
      { slots: 1, maxWaiting: 1 },
      { clock: systemClock, limits: () => [limit] },
    )
    const minRate = { bytesPerSec: 1e9, windowMs: 100 }
    await using server = await serve(pieces(piece(0, bytes)), { governor, minRate })
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    expect(client.received().subarray(-bytes.byteLength)).toEqual(bytes)
  })

  test('who stops reading does not keep a piece from being released that can no longer be read', async () => {
    const log = newLog()
    const whole = piece(0, new Uint8Array(0), log)
    const read: typeof whole.read = async (buffer, offset) => (offset === 0 ? buffer.byteLength : 0)
    const pool = newPool(2, 64 * MiB)
    const served = { ...whole, length: 128 * MiB, read }
    await using server = await serve(pieces(served), { pool, idleMs: 600_000 })
    using client = rawClient(server)
    client.socket.pause()
    client.socket.write(request(0))
    await until(() => log.released.length > 0)
    expect(log.released).toEqual([0])
    client.socket.destroy()
  })

  test('who keeps its side open after the end is dropped', async () => {
    await using server = await serve(pieces(piece(0, content(10))), { idleMs: 40 })
    using client = rawClient(server)
    client.socket.write(request(0))
    await client.ended
    await until(() => server.connections === 0)
  })

  test("waiting for the piece to appear is not the child's idleness", async () => {
    const found = Promise.withResolvers<void>()
    const lookups = { count: 0 }
    await using server = await serve(
      async () => {
        lookups.count += 1
        await found.promise
        return piece(0, content(10))
      },
      { idleMs: 20 },
    )
    const sink = fetchFrom(server, 10)
    await until(() => lookups.count === 1)
    using witness = rawClient(server)
    await witness.ended
    found.resolve()
    expect((await sink).length).toBe(10)
  })

  test('who goes away while the piece is awaited, aborts the search', async () => {
    const search = Promise.withResolvers<AbortSignal>()
    await using server = await serve((_family, _id, _number, signal) => {
      search.resolve(signal)
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    })
    using client = rawClient(server)
    client.socket.write(request(0))
    const signal = await search.promise
    client.socket.resetAndDestroy()
    await until(() => server.connections === 0)
    expect(signal.reason).toMatchObject({ name: 'AbortError' })
  })

  test('beyond the maximum, connections are closed and the child may ask elsewhere', async () => {
    await using server = await serve(pieces(piece(0, content(10))), { maxConnections: 1 })
    using client = rawClient(server)
    await until(() => server.connections === 1)
    expect(await codeOf(fetchFrom(server, 10))).toBe('PeerUnavailable')
    client.socket.destroy()
    await until(() => server.connections === 0)
    expect((await fetchFrom(server, 10)).length).toBe(10)
  })
})
