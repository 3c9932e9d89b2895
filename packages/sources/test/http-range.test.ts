import { describe, expect, it } from 'vitest'
import {
  collect,
  content,
  failure,
  requestFor,
  serveHttp,
  startBench,
  testSource,
} from './http-fixture.ts'

const size = 10_000
const range = { start: 2000, length: 500 }

describe('a range of an http object', () => {
  it('comes from the start when the origin ignores ranges', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'ignoreRange' })
    const expected = await bench.source.stat(requestFor(url), {})
    const body = await bench.source.read(requestFor(url), { range, expect: expected })
    expect(body).toMatchObject({ start: 0, contentLength: size })
    expect(await collect(body.bytes)).toEqual(Buffer.from(content(size)))
  })

  it('is not accepted when it is another one than asked for', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'wrongRange' })
    const error = await failure(bench.source.read(requestFor(url), { range }))
    expect(error).toMatchObject({ code: 'SourceProtocol', retryable: false })
    expect(error.message).toContain('answered the range 2000-2499 with 1999-2498')
    await bench.origin.idle()
  })

  it.each([
    { title: 'no Content-Range', header: {}, says: '206 without Content-Range' },
    { title: 'an unreadable one', header: { 'Content-Range': 'bytes x' }, says: 'cannot be read' },
    {
      title: 'fewer bytes',
      header: { 'Content-Range': 'bytes 2000-2001/10000' },
      says: 'with 2000-2001',
    },
    {
      title: 'another Content-Length',
      header: { 'Content-Range': 'bytes 2000-2499/10000', 'Content-Length': '20' },
      says: 'states 20 bytes',
    },
  ])('is not accepted from a 206 with $title', async ({ header, says }) => {
    await using server = await serveHttp((_req, res) => {
      res.writeHead(206, header)
      res.flushHeaders()
    })
    const source = testSource()
    const error = await failure(source.read(requestFor(server.url), { range }))
    expect(error.code).toBe('SourceProtocol')
    expect(error.message).toContain(says)
    await source.close()
  })

  it('is not accepted as an answer to a request for everything', async () => {
    await using server = await serveHttp((_req, res) => {
      res.writeHead(206, { 'Content-Range': 'bytes 0-3/8' }).end('abcd')
    })
    const source = testSource()
    const error = await failure(source.read(requestFor(server.url), {}))
    expect(error.code).toBe('SourceProtocol')
    await source.close()
  })

  it('is cut to the end of the object', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    const last = { start: size - 10, length: 500 }
    const body = await bench.source.read(requestFor(url), { range: last })
    expect(body).toMatchObject({ start: size - 10, contentLength: 10 })
    expect(await collect(body.bytes)).toHaveLength(10)
  })

  it('is refused with 416 behind the end of the object', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    const behind = { start: size, length: 1 }
    const error = await failure(bench.source.read(requestFor(url), { range: behind }))
    expect(error).toMatchObject({
      code: 'SourceRefused',
      retryable: false,
      details: { statusCode: 416, header: { 'content-range': `bytes */${size}` } },
    })
  })

  it('is asked with the ETag, and neither range nor conditions of the caller go along', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size), { etag: '"v1"' })
    const request = requestFor(url, { Range: 'bytes=1-2', 'If-None-Match': '"v1"', 'X-Own': 'yes' })
    const expected = await bench.source.stat(request, {})
    await collect((await bench.source.read(request, { range, expect: expected })).bytes)
    await collect((await bench.source.read(request, { expect: expected })).bytes)
    const [head, part, whole] = bench.origin.log.map((record) => record.headers)
    expect(head).not.toHaveProperty('range')
    expect(part).toMatchObject({ range: 'bytes=2000-2499', 'if-range': '"v1"', 'x-own': 'yes' })
    expect(whole).not.toHaveProperty('range')
    expect(part).not.toHaveProperty('if-none-match')
  })
})

describe('an http object that changes', () => {
  it('is noticed by a range read, which asks with If-Range', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'changeContent', afterRequests: 1 })
    const expected = await bench.source.stat(requestFor(url), {})
    const error = await failure(bench.source.read(requestFor(url), { range, expect: expected }))
    expect(error).toMatchObject({ code: 'SourceChanged', retryable: true })
    expect(error.message).toContain('ETag')
  })

  it('is noticed by its ETag when the length stays', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size))
    bench.origin.misbehave('/f', { kind: 'changingEtag' })
    const expected = await bench.source.stat(requestFor(url), {})
    const error = await failure(bench.source.read(requestFor(url), { expect: expected }))
    expect(error.code).toBe('SourceChanged')
    await bench.origin.idle()
  })

  it('is noticed by its date when there is no ETag', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(size), { etag: false, lastModified: new Date(0) })
    const expected = await bench.source.stat(requestFor(url), {})
    bench.origin.put('/f', content(size), { etag: false, lastModified: new Date(1_000_000) })
    const error = await failure(bench.source.read(requestFor(url), { range, expect: expected }))
    expect(error.message).toContain('Last-Modified')
    expect(bench.origin.log.at(-1)?.headers['if-range']).toBe(new Date(0).toUTCString())
  })

  it('is noticed by its length, of which the message tells both', async () => {
    await using bench = await startBench()
    const options = { etag: false, lastModified: false } as const
    const url = bench.origin.put('/f', content(size), options)
    const expected = await bench.source.stat(requestFor(url), {})
    bench.origin.put('/f', content(size + 1), options)
    const error = await failure(bench.source.read(requestFor(url), { range, expect: expected }))
    expect(error.message).toContain(`had ${size} bytes and now has ${size + 1}`)
  })

  it('is noticed when the range that was known now lies behind the end', async () => {
    await using bench = await startBench()
    const options = { etag: false, lastModified: false } as const
    const url = bench.origin.put('/f', content(size), options)
    const expected = await bench.source.stat(requestFor(url), {})
    bench.origin.put('/f', content(10), options)
    const error = await failure(bench.source.read(requestFor(url), { range, expect: expected }))
    expect(error.code).toBe('SourceChanged')
  })
})
