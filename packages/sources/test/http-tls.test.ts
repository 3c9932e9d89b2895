import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import type { HttpSourceOptions } from '../src/index.ts'
import {
  collect,
  content,
  failure,
  listening,
  requestFor,
  serveRaw,
  testSource,
} from './http-fixture.ts'
import { testIdentity } from './tls-identity.ts'

const bytes = Buffer.from(content(3_000_000))

async function serveTls(more: object = {}) {
  const seen: TLSSocket[] = []
  const server = createServer({ ...testIdentity, ...more }, (req, res) => {
    const socket = req.socket as TLSSocket
    if (!seen.includes(socket)) seen.push(socket)
    res.writeHead(200, { 'Content-Length': bytes.length }).end(bytes)
  })
  const { port, [Symbol.asyncDispose]: stop } = await listening(server, () =>
    server.closeAllConnections(),
  )
  return { url: `https://127.0.0.1:${port}/f`, seen, [Symbol.asyncDispose]: stop }
}

const trusting: Partial<HttpSourceOptions> = { tls: { ca: testIdentity.cert } }

describe('an https origin', () => {
  it('is read byte for byte over one connection, which speaks HTTP/1.1 and nothing else', async () => {
    await using server = await serveTls({ ALPNProtocols: ['h2', 'http/1.1'] })
    const source = testSource(trusting)
    for (let i = 0; i < 3; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(bytes.equals(await collect(body.bytes))).toBe(true)
    }
    expect(server.seen.map((socket) => socket.alpnProtocol)).toEqual(['http/1.1'])
    await source.close()
  })

  it('may be left in the middle, by a slow reader too', async () => {
    await using server = await serveTls()
    const source = testSource(trusting)
    let position = 0
    for await (const chunk of (await source.read(requestFor(server.url), {})).bytes) {
      for (let i = 0; i < 3; i++) await new Promise(setImmediate)
      expect(bytes.subarray(position, position + chunk.length).equals(chunk)).toBe(true)
      position += chunk.length
      if (position > bytes.length / 2) break
    }
    const body = await source.read(requestFor(server.url), {})
    expect(bytes.equals(await collect(body.bytes))).toBe(true)
    expect(server.seen).toHaveLength(2)
    await source.close()
  })

  it('is not believed, and not asked again, when nobody vouches for its certificate', async () => {
    await using server = await serveTls()
    const source = testSource()
    const error = await failure(source.read(requestFor(server.url), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: false })
    expect(error.message).toContain('certificate is not accepted')
    expect(server.seen).toHaveLength(0)
    await source.close()
  })

  it('is not believed when its certificate names another host', async () => {
    await using server = await serveTls()
    const source = testSource(trusting)
    const url = server.url.replace('127.0.0.1', 'localhost')
    const error = await failure(source.read(requestFor(url), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: false })
    expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    await source.close()
  })

  it('is given up when the handshake takes longer than connectMs, by the clock of the source', async () => {
    await using server = await serveRaw('')
    const clock = new FakeClock()
    const source = testSource({ clock, maxRetries: 0, timeouts: { connectMs: 1000 } })
    const error = failure(source.stat(requestFor(`https://127.0.0.1:${server.port}/f`), {}))
    // One timer for the connection, one for the header.
    while (clock.pending < 2) await new Promise(setImmediate)
    await clock.advance(999)
    expect(clock.pending).toBe(2)
    await clock.advance(1)
    expect((await error).message).toContain('no connection was made in time')
    expect(clock.pending).toBe(0)
    await source.close()
  })

  it('sees the client certificate', async () => {
    await using server = await serveTls({ requestCert: true, ca: testIdentity.cert })
    const source = testSource({ tls: { ca: testIdentity.cert, ...testIdentity } })
    await collect((await source.read(requestFor(server.url), {})).bytes)
    expect(server.seen[0]?.getPeerCertificate().subject.CN).toBe('127.0.0.1')
    await source.close()
  })
})
