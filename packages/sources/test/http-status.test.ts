import { describe, expect, it } from 'vitest'
import {
  collect,
  content,
  failure,
  requestFor,
  serveHttp,
  skippingClock,
  startBench,
  testSource,
} from './http-fixture.ts'

describe('an http origin that says no', () => {
  it.each([401, 402, 404, 410, 451])('is not asked again after %i', async (code) => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code, header: { 'X-Why': 'because' } })
    const request = requestFor(`${url}?signature=secret`)
    const error = await failure(bench.source.stat(request, {}))
    expect(error).toMatchObject({
      code: 'SourceRefused',
      retryable: false,
      details: { statusCode: code, header: { 'x-why': 'because' } },
    })
    expect(error.message).toContain(`${url} answered ${code}`)
    expect(error.message).not.toContain('secret')
    expect(bench.origin.counters('/f').requests).toBe(1)
  })

  it.each([400, 403, 405, 501])('is asked with GET after a HEAD answered %i', async (code) => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code, method: 'HEAD' })
    expect(await bench.source.stat(requestFor(url), {})).toMatchObject({ contentLength: 100 })
    expect(bench.origin.counters('/f')).toMatchObject({ requests: 2, bodyBytes: 1 })
  })

  it('says 403 when GET says so too', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code: 403 })
    const error = await failure(bench.source.stat(requestFor(url), {}))
    expect(error).toMatchObject({ code: 'SourceRefused', details: { statusCode: 403 } })
    expect(bench.origin.counters('/f').requests).toBe(2)
  })

  it('breaks the protocol with a status that means nothing here', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    for (const code of [202, 300, 304]) {
      bench.origin.misbehave('/f', { kind: 'status', code })
      const error = await failure(bench.source.read(requestFor(url), {}))
      expect(error.code, `status ${code}`).toBe('SourceProtocol')
    }
  })

  it('sees the credentials of the URL as Basic authorization', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    const authorization = `Basic ${Buffer.from('me:pa ss').toString('base64')}`
    bench.origin.misbehave('/f', { kind: 'requireAuth', authorization })
    const withUser = requestFor(url.replace('http://', 'http://me:pa%20ss@'))
    expect(await bench.source.stat(withUser, {})).toMatchObject({ contentLength: 100 })
    const error = await failure(bench.source.stat(requestFor(url), {}))
    expect(error.details.header).toMatchObject({ 'www-authenticate': 'Basic realm="origin"' })
  })
})

describe('an http origin that says not now', () => {
  it.each([408, 425, 429, 500, 502, 503, 504])('is asked again after %i', async (code) => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code, times: 2 })
    const body = await bench.source.read(requestFor(url), {})
    expect(await collect(body.bytes)).toHaveLength(100)
    expect(bench.origin.counters('/f').requests).toBe(3)
  })

  it.each([429, 500, 503])('is refused, for now, when it goes on with %i', async (code) => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code })
    const error = await failure(bench.source.read(requestFor(url), {}))
    expect(error).toMatchObject({
      code: 'SourceRefused',
      retryable: true,
      details: { statusCode: code, attempts: 3 },
    })
    expect(bench.origin.counters('/f').requests).toBe(3)
  })

  it('is waited for as long as Retry-After says', async () => {
    const { clock, skipped } = skippingClock(7000)
    await using bench = await startBench({ clock })
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code: 429, retryAfter: 7, times: 1 })
    expect(await bench.source.stat(requestFor(url), {})).toMatchObject({ contentLength: 100 })
    expect(skipped()).toBe(1)
  })

  it.each([
    { title: 'seconds', retryAfter: '120' },
    { title: 'a date', retryAfter: new Date(Date.now() + 3_600_000).toUTCString() },
  ])(
    'is given up at once when Retry-After ($title) is longer than anybody waits',
    async (fault) => {
      await using bench = await startBench()
      const url = bench.origin.put('/f', content(100))
      bench.origin.misbehave('/f', { kind: 'status', code: 503, retryAfter: fault.retryAfter })
      const error = await failure(bench.source.read(requestFor(url), {}))
      expect(error).toMatchObject({ code: 'SourceRefused', retryable: true })
      expect(error.message).toMatch(/come back in \d{3,4} seconds/)
      expect(bench.origin.counters('/f').requests).toBe(1)
    },
  )
})

describe('stat of an http object', () => {
  it('costs the origin no byte of content', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(1))
    const stats = Array.from({ length: 20 }, () => bench.source.stat(requestFor(url), {}))
    for (const stat of await Promise.all(stats)) expect(stat.contentLength).toBe(1)
    expect(bench.origin.counters('/f')).toMatchObject({ headRequests: 20, bodyBytes: 0 })
  })

  it('finds the length of an empty object without HEAD', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(0))
    bench.origin.misbehave('/f', { kind: 'noHead' })
    const stat = await bench.source.stat(requestFor(url), {})
    expect(stat).toMatchObject({ contentLength: 0, header: { 'content-length': '0' } })
    expect(stat.header).not.toHaveProperty('content-range')
  })

  it('finds the length without HEAD and without ranges, and takes no more of the body than it must', async () => {
    await using bench = await startBench()
    const total = 256 * 1024 * 1024
    const url = bench.origin.put('/f', { sizeBytes: total, seed: 1 })
    bench.origin.misbehave('/f', [{ kind: 'noHead' }, { kind: 'noRanges' }])
    expect(await bench.source.stat(requestFor(url), {})).toMatchObject({ contentLength: total })
    await bench.origin.idle()
    expect(bench.origin.counters('/f').bodyBytes).toBeLessThan(total / 4)
  })

  it('knows no length when the origin does not say', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', [{ kind: 'chunked' }, { kind: 'ignoreRange' }])
    const stat = await bench.source.stat(requestFor(url), {})
    expect(stat.contentLength).toBeUndefined()
    expect(stat.header).not.toHaveProperty('content-length')
  })

  it('asks without a range when the first byte is refused without a length', async () => {
    await using server = await serveHttp((req, res) => {
      if (req.method === 'HEAD') res.writeHead(405).end()
      else if (req.headers.range !== undefined) res.writeHead(416).end()
      else res.writeHead(200, { 'Content-Length': 5 }).end('hello')
    })
    const source = testSource()
    expect(await source.stat(requestFor(server.url), {})).toMatchObject({ contentLength: 5 })
    await source.close()
  })

  it('does not believe a HEAD that says 0', async () => {
    await using server = await serveHttp((req, res) => {
      if (req.method === 'HEAD') res.writeHead(200, { 'Content-Length': 0 }).end()
      else res.writeHead(206, { 'Content-Range': 'bytes 0-0/9', 'Content-Length': 1 }).end('x')
    })
    const source = testSource()
    expect(await source.stat(requestFor(server.url), {})).toMatchObject({ contentLength: 9 })
    await source.close()
  })

  it('keeps what the origin says about the content, not about the connection, and no cookies', async () => {
    await using server = await serveHttp((_req, res) => {
      res
        .writeHead(200, {
          ETag: '"v1"',
          'X-Many': ['a', 'b'],
          'Set-Cookie': ['session=secret'],
          Connection: 'keep-alive, x-hop',
          'X-Hop': 'one',
          'Content-Length': 5,
        })
        .end()
    })
    const source = testSource()
    const { header } = await source.stat(requestFor(server.url), {})
    expect(header).toMatchObject({ etag: '"v1"', 'x-many': 'a, b', 'content-length': '5' })
    expect(Object.keys(header).sort()).toEqual(['content-length', 'date', 'etag', 'x-many'])
    await source.close()
  })
})
