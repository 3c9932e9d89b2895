import { Socket } from 'node:net'
import { systemNetwork } from '@damselfly/core'
import { encodeError, encodePieceContent, type PieceSink } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchFrom,
  MemorySink,
  MiB,
  piece,
  pieces,
  rawServer,
  serve,
} from './harness.ts'

const head = (length: number, number = 0): Uint8Array =>
  encodePieceContent(piece(number, new Uint8Array(length)), 'standard', 1)

/** A peer that answers any request with these bytes and ends. */
const answering = (...chunks: Uint8Array[]) =>
  rawServer((socket) => {
    socket.once('data', () => {
      for (const chunk of chunks) socket.write(chunk)
      socket.end()
    })
  })

describe('a peer that answers', () => {
  test('is asked in the bytes of the protocol', async () => {
    const asked = Promise.withResolvers<Buffer>()
    await using peer = await rawServer((socket) => {
      socket.once('data', (bytes) => {
        asked.resolve(bytes)
        socket.end(Buffer.concat([head(3, 258), content(3)]))
      })
    })
    const sink = new MemorySink()
    const header = await fetchFrom(peer, 3, { number: 258, family: 'standard', sink })
    const bytes = await asked.promise
    const id = Buffer.from('0123456789abcdef'.repeat(4)).toString('hex')
    expect(bytes.subarray(1).toString('hex')).toBe(`0000000044${id}00000102`)
    expect(header).toEqual({
      number: 258,
      offset: 258 * 4 * MiB,
      length: 3,
      digest: 'crc32:1475635037',
      parentId: 'parent',
      costMs: 3000,
      createdAt: 1_700_000_000_000,
      travelledBytes: 3,
    })
    expect(sink.bytes).toEqual(content(3))
  })

  test('may cut header and content into any pieces', async () => {
    const bytes = Buffer.concat([head(300), content(300)])
    await using peer = await rawServer((socket) => {
      socket.once('data', async () => {
        for (const byte of bytes) {
          await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve))
        }
        socket.end()
      })
    })
    const sink = new MemorySink()
    await fetchFrom(peer, 300, { sink })
    expect(sink.bytes).toEqual(content(300))
  })

  test('may send more than the piece; the rest is ignored', async () => {
    await using peer = await answering(head(MiB), content(MiB), content(MiB, 5))
    const sink = new MemorySink()
    await fetchFrom(peer, MiB, { sink })
    expect(sink.bytes.equals(content(MiB))).toBe(true)
  })

  test('may have closed while the sink still writes', async () => {
    await using peer = await answering(head(MiB), content(MiB))
    const sink: PieceSink = { write: () => new Promise((resolve) => setImmediate(resolve)) }
    expect((await fetchFrom(peer, MiB, { sink })).length).toBe(MiB)
  })
})

describe('a peer that fails', () => {
  test('a refused connection', async () => {
    const peer = await rawServer(() => {})
    await peer[Symbol.asyncDispose]()
    expect(await codeOf(fetchFrom(peer, 10))).toBe('PeerUnavailable')
  })

  test('a connection that does not come about in time', async () => {
    const socket = new Socket()
    const network = { ...systemNetwork, connect: () => socket }
    const endpoint = { host: '192.0.2.1', port: 4005 }
    const error: unknown = await fetchFrom({ endpoint }, 10, { network, connectMs: 20 }).catch(
      (e) => e,
    )
    expect(error).toMatchObject({ code: 'PeerUnavailable', retryable: true })
    expect(String(error)).toContain('192.0.2.1:4005 was not established within 20 ms')
    expect(socket.destroyed).toBe(true)
  })

  test("running out of file descriptors is not the peer's fault", async () => {
    const socket = new Socket()
    const network = { ...systemNetwork, connect: () => socket }
    const endpoint = { host: '192.0.2.1', port: 4005 }
    const fetched = fetchFrom({ endpoint }, 10, { network })
    socket.destroy(Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }))
    expect(await codeOf(fetched)).toBe('Overloaded')
  })

  test('an address that cannot be', async () => {
    const endpoint = { host: '127.0.0.1', port: 70_000 }
    expect(await codeOf(fetchFrom({ endpoint }, 10))).toBe('PeerUnavailable')
  })

  test.each([
    ['nothing', [], 'before the answer was complete'],
    ['half a header', [head(10).subarray(0, 30)], 'before the answer was complete'],
    ['a part of the content', [head(MiB), content(1000)], 'after 1000 of 1048576 bytes'],
  ])('%s and a FIN', async (_name, chunks, what) => {
    await using peer = await answering(...chunks)
    const error: unknown = await fetchFrom(peer, chunks.length > 1 ? MiB : 10, {}).catch((e) => e)
    expect(error).toMatchObject({ code: 'PeerUnavailable', retryable: true })
    expect(String(error)).toContain(what)
  })

  test('a reset in the middle', async () => {
    await using peer = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(head(MiB), () => socket.resetAndDestroy())
      })
    })
    expect(await codeOf(fetchFrom(peer, MiB))).toBe('PeerUnavailable')
  })

  test('silence before and within the content', async () => {
    await using mute = await rawServer(() => {})
    await using stuck = await rawServer((socket) => {
      socket.once('data', () => socket.write(Buffer.concat([head(MiB), content(70_000)])))
    })
    const error: unknown = await fetchFrom(mute, 10, { idleMs: 30 }).catch((e) => e)
    expect(error).toMatchObject({ code: 'PeerUnavailable' })
    expect(String(error)).toContain('was silent for 30 ms')
    expect(await codeOf(fetchFrom(stuck, MiB, { idleMs: 30 }))).toBe('PeerUnavailable')
  })

  test.each([
    [0, 'PeerUnavailable'],
    [1, 'PeerProtocol'],
    [2, 'PieceNotFound'],
    [3, 'PeerUnavailable'],
  ] as const)('error %i is %s', async (code, expected) => {
    await using peer = await answering(encodeError(code, 'words of\nthe peer', 0))
    const error: unknown = await fetchFrom(peer, MiB).catch((e) => e)
    expect(error).toMatchObject({ code: expected })
    expect(String(error)).toContain('"words of\\nthe peer"')
  })

  test.each([
    ['another piece', head(10, 1)],
    ['another length', head(11)],
    ['another family', encodePieceContent(piece(0, content(10)), 'persistent', 0)],
    ['a request', Buffer.concat([Buffer.from('000000000044', 'hex'), Buffer.alloc(68, 0x61)])],
    ['a reserved tag', Buffer.from('005500000000', 'hex')],
    ['an endless header', Buffer.from('0001ffffffff', 'hex')],
  ])('%s breaks the protocol', async (_name, bytes) => {
    await using peer = await answering(bytes, content(20))
    const sink = new MemorySink()
    expect(await codeOf(fetchFrom(peer, 10, { sink }))).toBe('PeerProtocol')
    expect(sink.bytes.byteLength).toBe(0)
  })
})

describe('the sink', () => {
  test('its error comes out unchanged and the connection is closed', async () => {
    const closed = Promise.withResolvers<void>()
    await using peer = await rawServer((socket) => {
      for (const event of ['end', 'close']) socket.on(event, () => closed.resolve())
      socket.once('data', () => socket.write(Buffer.concat([head(8 * MiB), content(MiB)])))
    })
    const failure = new Error('disk full')
    const sink: PieceSink = { write: () => Promise.reject(failure) }
    await expect(fetchFrom(peer, 8 * MiB, { sink })).rejects.toBe(failure)
    await closed.promise
    const throwing: PieceSink = {
      write() {
        throw failure
      },
    }
    await expect(fetchFrom(peer, 8 * MiB, { sink: throwing })).rejects.toBe(failure)
  })

  test("its slowness holds back the sender and is not the peer's idleness", async () => {
    const bytes = content(64 * MiB)
    await using server = await serve(pieces(piece(0, bytes)))
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    let matches = true
    let position = 0
    const sink: PieceSink = {
      async write(chunk) {
        entered.resolve()
        await gate.promise
        matches &&= bytes.subarray(position, position + chunk.byteLength).equals(chunk)
        position += chunk.byteLength
      },
    }
    const fetched = fetchFrom(server, bytes.byteLength, { sink, idleMs: 20 })
    await entered.promise
    // A peer that is really silent is found out in the meantime.
    await using mute = await rawServer(() => {})
    expect(await codeOf(fetchFrom(mute, 10, { idleMs: 60 }))).toBe('PeerUnavailable')
    expect(position).toBe(0)
    gate.resolve()
    await fetched
    expect([matches, position]).toEqual([true, bytes.byteLength])
  })

  test('gets no tiny chunks while more is to come', async () => {
    const sizes: number[] = []
    await using peer = await rawServer((socket) => {
      socket.once('data', async () => {
        socket.write(head(MiB))
        for (let i = 0; i < 1024; i++) {
          await new Promise((resolve) => socket.write(content(1024), resolve))
        }
      })
    })
    const sink: PieceSink = { write: async (chunk) => void sizes.push(chunk.byteLength) }
    await fetchFrom(peer, MiB, { sink })
    expect(sizes.length).toBeLessThan(20)
  })
})

test('a piece of a negative length is refused', async () => {
  const endpoint = { host: '127.0.0.1', port: 1 }
  expect(await codeOf(fetchFrom({ endpoint }, -1))).toBe('InvalidArgument')
})
