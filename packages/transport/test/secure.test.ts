import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { silentLog, systemClock, systemNetwork } from '@damselfly/core'
import {
  makePeerIdentity,
  type PeerAddress,
  type PieceServerDeps,
  type PieceSink,
  type SecureNetwork,
  startPieceServer,
  systemSecureNetwork,
} from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import {
  codeOf,
  content,
  fetchOf,
  ImmediateSink,
  MemorySink,
  MiB,
  newLinks,
  newPool,
  piece,
  pieces,
  rawServer,
  until,
} from './harness.ts'

const identity = await makePeerIdentity()
const other = await makePeerIdentity()
const at = { host: '127.0.0.1', port: 0 }

async function serveSecurely(open: PieceServerDeps['open'], isRequired = false) {
  const server = await startPieceServer(
    {
      listen: at,
      secure: { listen: at, identity, isRequired },
      idleMs: 5000,
      graceMs: 5000,
      maxConnections: 64,
    },
    { network: systemNetwork, clock: systemClock, log: silentLog, pool: newPool(), open },
  )
  const port = server.secureEndpoint?.port ?? 0
  const { fingerprint } = identity
  const peer: PeerAddress = {
    endpoint: server.endpoint as { host: string; port: number },
    features: { keepAlive: true, tls: { port, fingerprint } },
  }
  return Object.defineProperties(
    { peer, port } as typeof server & { peer: PeerAddress; port: number },
    Object.getOwnPropertyDescriptors(server),
  )
}

const otherFingerprint = (peer: PeerAddress, fingerprint: string): PeerAddress => ({
  ...peer,
  features: { keepAlive: true, tls: { port: peer.features?.tls?.port ?? 0, fingerprint } },
})

describe('pieces over TLS', () => {
  test('arrive as they were, into sinks of both kinds', async () => {
    const bytes = [0, 1, 2, 3].map((n) => content(n * MiB + 17, n))
    await using server = await serveSecurely(pieces(...bytes.map((b, n) => piece(n, b))))
    await using links = newLinks({ connectionsPerPeer: 1 })
    const sinks = [new MemorySink(), new ImmediateSink(), new MemorySink(), new ImmediateSink()]
    await Promise.all(
      bytes.map((b, n) => links.fetch(fetchOf(server.peer, n, b.byteLength, { sink: sinks[n]! }))),
    )
    sinks.forEach((sink, n) => {
      expect(sink.bytes.equals(bytes[n]!), `piece ${n}`).toBe(true)
    })
    expect(links.stats.dialled).toBe(1)
  })

  test('a slow sink holds back the sender', async () => {
    const bytes = content(16 * MiB)
    await using server = await serveSecurely(pieces(piece(0, bytes)))
    await using links = newLinks()
    let position = 0
    const sink: PieceSink = {
      async write(chunk) {
        expect(bytes.subarray(position, position + chunk.byteLength).equals(chunk)).toBe(true)
        await new Promise((resolve) => setImmediate(resolve))
        position += chunk.byteLength
      },
    }
    await links.fetch(fetchOf(server.peer, 0, bytes.byteLength, { sink }))
    expect(position).toBe(bytes.byteLength)
  })

  test('a patient sink gets the end of a piece of any length, though nothing comes behind it', async () => {
    const lengths = Array.from({ length: 40 }, (_, n) => n * 17_001)
    await using server = await serveSecurely(
      pieces(...lengths.map((length, n) => piece(n, content(length, n)))),
    )
    await using links = newLinks({ connectionsPerPeer: 1 })
    for (const [n, length] of lengths.entries()) {
      const sink = new MemorySink()
      await links.fetch(fetchOf(server.peer, n, length, { sink }))
      expect(sink.bytes.equals(content(length, n)), `${length} bytes`).toBe(true)
    }
  })

  test('a second connection resumes the session and is checked all the same', async () => {
    await using server = await serveSecurely(pieces(piece(0, content(10))))
    const system = systemSecureNetwork()
    const reused: boolean[] = []
    const secure: SecureNetwork = {
      ...system,
      connect(...args) {
        const dialled = system.connect(...args)
        dialled.socket.once('secureConnect', () => reused.push(dialled.socket.isSessionReused()))
        return dialled
      },
    }
    await using links = newLinks({ connectionsPerPeer: 1, keepMs: 1 }, { secure })
    for (let i = 0; i < 3; i++) {
      await links.fetch(fetchOf(server.peer, 0, 10))
      await until(() => links.stats.connections === 0)
    }
    expect(links.stats.dialled).toBe(3)
    expect(reused).toEqual([false, true, true])
    const wrong = otherFingerprint(server.peer, 'ab'.repeat(32))
    expect(await codeOf(links.fetch(fetchOf(wrong, 0, 10)))).toBe('PeerProtocol')
  })

  test('one request per connection is fine, too', async () => {
    await using server = await serveSecurely(pieces(piece(0, content(10))))
    await using links = newLinks()
    const peer = { ...server.peer, features: { ...server.peer.features!, keepAlive: false } }
    const sink = new ImmediateSink()
    await links.fetch(fetchOf(peer, 0, 10, { sink }))
    expect(sink.bytes).toEqual(content(10))
    await until(() => server.connections === 0)
  })

  test('the plain port goes on serving', async () => {
    await using server = await serveSecurely(pieces(piece(0, content(10))))
    await using links = newLinks()
    await links.fetch(fetchOf({ endpoint: server.peer.endpoint }, 0, 10))
  })
})

test('where TLS is required, the plain port serves only who cannot speak it', async () => {
  await using server = await serveSecurely(pieces(piece(0, content(10))), true)
  await using links = newLinks()
  const { endpoint } = server.peer
  await links.fetch(fetchOf(server.peer, 0, 10))
  await links.fetch(fetchOf({ endpoint }, 0, 10))
  const plain = { endpoint, features: { keepAlive: true } }
  expect(await codeOf(links.fetch(fetchOf(plain, 0, 10)))).toBe('PeerUnavailable')
})

describe('what does not come about', () => {
  test.each([
    ['another certificate', other.fingerprint],
    ['no fingerprint', ''],
    ['half a fingerprint', identity.fingerprint.slice(0, 32)],
  ])('%s: nothing is asked', async (_name, fingerprint) => {
    let opened = 0
    await using server = await serveSecurely(async (_family, _id, number) => {
      opened += 1
      return piece(number, content(10))
    })
    await using links = newLinks()
    const peer = otherFingerprint(server.peer, fingerprint)
    const error: unknown = await links.fetch(fetchOf(peer, 0, 10)).catch((e) => e)
    expect(error).toMatchObject({ code: 'PeerProtocol', retryable: false })
    expect(String(error)).toContain('another certificate')
    await until(() => server.connections === 0)
    expect(opened).toBe(0)
  })

  test('a peer that speaks no TLS there', async () => {
    await using peer = await rawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await using links = newLinks()
    const features = {
      keepAlive: true,
      tls: { port: peer.endpoint.port, fingerprint: identity.fingerprint },
    }
    const error = await codeOf(links.fetch(fetchOf({ endpoint: peer.endpoint, features }, 0, 10)))
    expect(error).toBe('PeerUnavailable')
  })

  test('a handshake that does not end is given up in time', async () => {
    await using peer = await rawServer(() => {})
    await using links = newLinks({ connectMs: 50 })
    const features = {
      keepAlive: true,
      tls: { port: peer.endpoint.port, fingerprint: identity.fingerprint },
    }
    const error: unknown = await links
      .fetch(fetchOf({ endpoint: peer.endpoint, features }, 0, 10))
      .catch((e) => e)
    expect(String(error)).toContain('was not established within 50 ms')
  })

  test('TLS 1.2 and plain text are refused on the secure port', async () => {
    await using server = await serveSecurely(pieces(piece(0, content(10))))
    const old = connectTls({ port: server.port, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    const failed = await new Promise((resolve) => old.on('error', resolve))
    expect(String(failed)).toMatch(/protocol version|alert/i)
    const plain = connectPlain(server.port)
    plain.on('error', () => {})
    plain.write('no TLS at all, and long enough to be seen as such')
    await new Promise((resolve) => plain.on('close', resolve))
    expect(server.connections).toBe(0)
  })
})
