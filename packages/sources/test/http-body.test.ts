import { getEventListeners } from 'node:events'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import {
  collect,
  content,
  failure,
  requestFor,
  serveHttp,
  serveRaw,
  startBench,
  testSource,
} from './http-fixture.ts'

const size = 300_000

describe('the bytes of an http origin', () => {
  it('end with SourceUnavailable when nothing comes for idleMs', async () => {
    await using bench = await startBench({ timeouts: { idleMs: 30 } })
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'hangAfterHeaders' })
    const body = await bench.source.read(requestFor(url), {})
    const error = await failure(collect(body.bytes))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true })
    expect(error.message).toContain(`sent nothing for 0.03 seconds after 0 of ${size} bytes`)
    await bench.origin.idle()
  })

  it('are not called idle while the caller takes its time', async () => {
    const clock = new FakeClock()
    await using bench = await startBench({ clock, timeouts: { idleMs: 30 } })
    const url = bench.origin.put('/f', content(size))
    const body = await bench.source.read(requestFor(url), {})
    let received = 0
    for await (const chunk of body.bytes) {
      if (received === 0) await clock.advance(90)
      received += chunk.length
    }
    expect(received).toBe(size)
    expect(clock.pending).toBe(0)
  })

  it('are cut at once by an abort while the origin hangs', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'hangAfterHeaders' })
    const controller = new AbortController()
    const body = await bench.source.read(requestFor(url), { signal: controller.signal })
    const reading = collect(body.bytes)
    controller.abort('enough')
    await expect(reading).rejects.toBe('enough')
    await bench.origin.idle()
  })

  it('leave the origin when the iterator is given back while it waits, or before it began', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'hangAfterHeaders' })
    const waiting = (await bench.source.read(requestFor(url), {})).bytes[Symbol.asyncIterator]()
    const next = failure(Promise.resolve(waiting.next()))
    await waiting.return?.()
    expect(await next).toMatchObject({ code: 'SourceUnavailable' })
    const unused = (await bench.source.read(requestFor(url), {})).bytes[Symbol.asyncIterator]()
    await unused.return?.()
    await bench.origin.idle()
  })

  it('say how many of how many came when the connection breaks off', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'truncate', afterBytes: 1000 })
    const body = await bench.source.read(requestFor(url), {})
    const error = await failure(collect(body.bytes))
    expect(error).toMatchObject({
      code: 'SourceUnavailable',
      retryable: true,
      details: { received: 1000, contentLength: size },
    })
    expect(error.message).toContain(`after 1000 of ${size} bytes`)
  })

  it('are too few when the origin claims a length that it does not have', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'wrongLength', claim: 200 })
    const body = await bench.source.read(requestFor(url), {})
    const error = await failure(collect(body.bytes))
    expect(error.message).toContain('after 100 of 200 bytes')
  })

  it('are never more than a length that the origin claims too short', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
    await using server = await serveRaw(`${head}0123456789abcde`)
    const source = testSource()
    const body = await source.read(requestFor(server.url), {})
    expect(body.contentLength).toBe(10)
    const outcome = await collect(body.bytes).catch((error: unknown) => error)
    if (Buffer.isBuffer(outcome)) expect(outcome.toString()).toBe('0123456789')
    else expect(outcome).toMatchObject({ code: 'SourceProtocol' })
    await source.close()
  })

  it('may have no length beforehand', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'chunked' })
    const body = await bench.source.read(requestFor(url), {})
    expect(body.contentLength).toBeUndefined()
    expect(await collect(body.bytes)).toEqual(Buffer.from(content(size)))
  })

  it('break off too when they have no length beforehand', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', [{ kind: 'chunked' }, { kind: 'truncate', afterBytes: 1000 }])
    const body = await bench.source.read(requestFor(url), {})
    const error = await failure(collect(body.bytes))
    expect(error.code).toBe('SourceUnavailable')
    expect(error.message).toContain('after 1000 bytes')
  })

  it.each([
    { sent: 90, code: 'SourceUnavailable', says: '90 of 100 bytes' },
    { sent: 110, code: 'SourceProtocol', says: 'more than the 100 bytes' },
  ])(
    'have to be as many as stat said when they come in chunks ($sent)',
    async ({ sent, code, says }) => {
      await using bench = await startBench()
      const url = bench.origin.put('/f', content(sent))
      bench.origin.misbehave('/f', { kind: 'chunked' })
      const expected = { contentLength: 100, header: {} }
      const body = await bench.source.read(requestFor(url), { expect: expected })
      expect(body.contentLength).toBe(100)
      const error = await failure(collect(body.bytes))
      expect(error.code).toBe(code)
      expect(error.message).toContain(says)
    },
  )

  it('break the protocol when their chunks are not framed', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using server = await serveRaw(`${head}3\r\nabc\r\nnonsense\r\n`)
    const source = testSource()
    const error = await failure(
      source.read(requestFor(server.url), {}).then((b) => collect(b.bytes)),
    )
    expect(error.code).toBe('SourceProtocol')
    await source.close()
  })

  it('are complete when only the end mark of the last chunk is missing', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using server = await serveRaw(`${head}3\r\nabc\r\n`)
    const source = testSource({ timeouts: { idleMs: 30 } })
    const expected = { contentLength: 3, header: {} }
    const body = await source.read(requestFor(server.url), { expect: expected })
    expect(Buffer.from(await collect(body.bytes)).toString()).toBe('abc')
    await source.close()
  })

  it('let go of a signal that lives longer', async () => {
    await using bench = await startBench()
    const request = requestFor(bench.origin.put('/f', content(size)))
    const { signal } = new AbortController()
    for (let i = 0; i < 5; i++) {
      await bench.source.stat(request, { signal })
      await collect((await bench.source.read(request, { signal })).bytes)
      for await (const _ of (await bench.source.read(request, { signal })).bytes) break
      await failure(bench.source.stat(requestFor(bench.origin.url('/none')), { signal }))
    }
    await bench.origin.idle()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('can be read only once', async () => {
    await using bench = await startBench()
    const body = await bench.source.read(requestFor(bench.origin.put('/f', content(10))), {})
    await collect(body.bytes)
    expect(await failure(collect(body.bytes))).toMatchObject({ code: 'Internal' })
  })

  it('wait at the origin while the caller does not take them', async () => {
    await using bench = await startBench()
    const total = 64 * 1024 * 1024
    const url = bench.origin.put('/f', { sizeBytes: total, seed: 1 })
    const body = await bench.source.read(requestFor(url), {})
    const chunks = body.bytes[Symbol.asyncIterator]()
    await chunks.next()
    // Another object takes the way to the origin and back many times; socket buffers would have filled long since.
    for (let i = 0; i < 50; i++)
      await bench.source.stat(requestFor(bench.origin.put('/g', content(9))), {})
    expect(bench.origin.counters('/f').bodyBytes).toBeLessThan(total / 2)
    await chunks.return?.()
    await bench.origin.idle()
  })
})

describe('content codings', () => {
  it('refuse to be compressed on the way, which has no length', async () => {
    await using server = await serveHttp((_req, res) => {
      res.writeHead(200, { 'Content-Encoding': 'gzip' }).write('not really gzip')
      res.end()
    })
    const source = testSource()
    const error = await failure(source.read(requestFor(server.url), {}))
    expect(error.code).toBe('SourceProtocol')
    expect(error.message).toContain('compressed on the way')
    await source.close()
  })

  it('pass an object that is stored compressed through as it is', async () => {
    let asked: unknown
    await using server = await serveHttp((req, res) => {
      asked = req.headers['accept-encoding']
      res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': 4 }).end('gzip')
    })
    const source = testSource()
    const body = await source.read(requestFor(server.url, { 'Accept-Encoding': 'gzip, br' }), {})
    expect(asked).toBe('identity')
    expect(body.header['content-encoding']).toBe('gzip')
    expect(Buffer.from(await collect(body.bytes)).toString()).toBe('gzip')
    await source.close()
  })

  it('refuse a transfer coding that nobody offered', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'
    await using server = await serveRaw(`${head}3\r\nabc\r\n0\r\n\r\n`)
    const source = testSource()
    expect(await failure(source.read(requestFor(server.url), {}))).toMatchObject({
      code: 'SourceProtocol',
    })
    await source.close()
  })
})
