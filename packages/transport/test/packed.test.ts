import { encodePieceContent, type PieceSink } from '@damselfly/transport'
import { expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchOf,
  ImmediateSink,
  kept,
  MemorySink,
  MiB,
  newLinks,
  type PieceLog,
  piece,
  pieces,
  rawServer,
  serve,
  until,
} from './harness.ts'

const text = (length: number): Buffer => Buffer.alloc(length, 'A rose is a rose is a rose. ')
const zstd = (peer: Parameters<typeof kept>[0]) => {
  const { endpoint } = kept(peer)
  return { endpoint, features: { keepAlive: true, zstd: true } }
}

test('pieces travel packed and arrive plain', async () => {
  const bytes = [text(3 * MiB + 5), content(2 * MiB), text(0), text(1), text(MiB)]
  const log: PieceLog = { released: [], reads: [] }
  let sent = 0
  await using server = await serve(pieces(...bytes.map((b, n) => piece(n, b, log))), {
    compress: () => 1,
    onSent: (count) => {
      sent += count
    },
  })
  await using links = newLinks({ connectionsPerPeer: 1 })
  const sinks = bytes.map((_, n) => (n % 2 === 0 ? new ImmediateSink() : new MemorySink()))
  await Promise.all(
    bytes.map((b, n) => links.fetch(fetchOf(zstd(server), n, b.byteLength, { sink: sinks[n]! }))),
  )
  sinks.forEach((sink, n) => {
    expect(sink.bytes.equals(bytes[n]!), `piece ${n}`).toBe(true)
  })
  await until(() => log.released.length === bytes.length)
  expect(log.released).toEqual(bytes.map((b) => b.byteLength))
  expect(sent).toBeLessThan(2.1 * MiB)
  expect(links.stats.receivedBytes).toBeLessThan(2.1 * MiB)
  expect(server.pool.stats.inUse).toBe(0)
})

test('only who welcomes it gets a piece packed, and only when the server likes', async () => {
  const asked: unknown[] = []
  await using server = await serve(pieces(piece(0, text(MiB)), piece(1, text(MiB))), {
    compress: ({ number }, link) => {
      asked.push([number, link.child])
      return number === 0 ? 3 : undefined
    },
  })
  await using links = newLinks({ connectionsPerPeer: 1 })
  for (const number of [0, 1]) {
    const sink = new ImmediateSink()
    await links.fetch(fetchOf(kept(server), number, MiB, { sink }))
    expect(sink.bytes.equals(text(MiB))).toBe(true)
  }
  expect(asked).toEqual([])
  expect(links.stats.receivedBytes).toBeGreaterThan(2 * MiB)
  for (const number of [0, 1]) await links.fetch(fetchOf(zstd(server), number, MiB))
  expect(asked).toEqual([
    [0, '127.0.0.1'],
    [1, '127.0.0.1'],
  ])
  expect(links.stats.receivedBytes).toBeLessThan(3.1 * MiB)
})

test('packed content that nobody welcomed breaks the protocol, and so does garbage', async () => {
  const head = encodePieceContent(piece(0, text(MiB)), 'standard', 0, 'packedContent')
  await using peer = await rawServer((socket) => {
    socket.once('data', () => socket.write(Buffer.concat([head, content(5000)])))
  })
  await using links = newLinks()
  const sink = new ImmediateSink()
  expect(await codeOf(links.fetch(fetchOf(kept(peer), 0, MiB, { sink })))).toBe('PeerProtocol')
  expect(await codeOf(links.fetch(fetchOf(zstd(peer), 0, MiB, { sink })))).toBe('PeerProtocol')
  expect(sink.bytes.byteLength).toBe(0)
})

test('an abort in the middle leaves nothing behind', async () => {
  const log: PieceLog = { released: [], reads: [] }
  await using server = await serve(pieces(piece(0, content(8 * MiB), log)), { compress: () => -3 })
  await using links = newLinks()
  const controller = new AbortController()
  const reason = new Error('enough')
  const sink: PieceSink = { write: () => controller.abort(reason) }
  const { signal } = controller
  const fetched = links.fetch(fetchOf(zstd(server), 0, 8 * MiB, { sink, signal }))
  await expect(fetched).rejects.toBe(reason)
  await until(() => log.released.length === 1 && server.connections === 0)
})
