import { describe, expect, it } from 'vitest'
import {
  collect,
  content,
  failure,
  requestFor,
  serveRaw,
  startBench,
  testSource,
} from './http-fixture.ts'

describe('an http origin that cannot be reached', () => {
  it('is unavailable when it refuses the connection, and the message says host, port and what to check', async () => {
    const server = await serveRaw('')
    await server[Symbol.asyncDispose]()
    const source = testSource()
    const error = await failure(
      source.read(requestFor(`http://u:secret@127.0.0.1:${server.port}/f?token=secret`), {}),
    )
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true, blame: 'source' })
    expect(error.message).toContain(`http://127.0.0.1:${server.port}/f`)
    expect(error.message).toContain('connection was refused')
    expect(error.message).toContain('tried 3 times')
    expect(error.message).not.toContain('secret')
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
    await source.close()
  })

  it('is unavailable when its name does not exist', async () => {
    const source = testSource({ maxRetries: 0 })
    const error = await failure(source.stat(requestFor('http://no-such-host.invalid/f'), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true })
    expect(error.message).toContain('no-such-host.invalid:80')
    await source.close()
  })

  it('is unavailable when TLS does not come about in time', async () => {
    await using server = await serveRaw('')
    const source = testSource({ maxRetries: 0, timeouts: { connectMs: 50 } })
    const error = await failure(source.stat(requestFor(`https://127.0.0.1:${server.port}/f`), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true })
    expect(error.message).toContain('no connection was made in time')
    await source.close()
  })

  it('is unavailable when https is asked of a port that speaks http', async () => {
    await using bench = await startBench({ maxRetries: 0 })
    const url = `https://127.0.0.1:${bench.origin.port}/f`
    const error = await failure(bench.source.stat(requestFor(url), {}))
    expect(error.code).toBe('SourceUnavailable')
    expect(error.message).toMatch(/TLS handshake failed|connection was closed/)
  })

  it('is tried again when it resets the connection before the header', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'reset', times: 2 })
    const body = await bench.source.read(requestFor(url), {})
    expect(await collect(body.bytes)).toEqual(Buffer.from(content(100)))
    expect(bench.origin.counters('/f').requests).toBe(3)
  })

  it('is given up when it always resets the connection', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'reset' })
    const error = await failure(bench.source.read(requestFor(url), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true })
    expect(bench.origin.counters('/f').requests).toBe(3)
  })

  it('breaks the protocol when it answers something that is not HTTP', async () => {
    await using server = await serveRaw('220 mail.example ESMTP\r\n')
    const source = testSource()
    const error = await failure(source.read(requestFor(server.url), {}))
    expect(error).toMatchObject({ code: 'SourceProtocol', retryable: false })
    expect(error.message).toContain('check scheme and port')
    await source.close()
  })
})

describe('an http origin that hangs before the header', () => {
  it('is unavailable after headersMs of each attempt', async () => {
    await using bench = await startBench({ timeouts: { headersMs: 30 }, maxRetries: 1 })
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'hangBeforeHeaders' })
    const error = await failure(bench.source.read(requestFor(url), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true })
    expect(error.message).toContain('did not begin to answer')
    await bench.origin.idle()
    expect(bench.origin.counters('/f').requests).toBe(2)
  })

  it('is left at once when the caller aborts', async () => {
    await using bench = await startBench()
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'hangBeforeHeaders' })
    const controller = new AbortController()
    const stat = bench.source.stat(requestFor(url), { signal: controller.signal })
    await bench.origin.until(() => bench.origin.counters('/f').requests === 1)
    controller.abort('enough')
    await expect(stat).rejects.toBe('enough')
    await bench.origin.idle()
    expect(bench.origin.counters('/f').requests).toBe(1)
  })

  it('is left at once when the caller aborts while the connection is being made', async () => {
    await using server = await serveRaw('')
    const source = testSource()
    const controller = new AbortController()
    const url = `https://127.0.0.1:${server.port}/f`
    const stat = source.stat(requestFor(url), { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(stat).rejects.toThrow('enough')
    await source.close()
  })

  it('does not ask again when the caller aborts between two attempts', async () => {
    await using bench = await startBench({ retryBaseMs: 10_000 })
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'status', code: 503 })
    const controller = new AbortController()
    const read = bench.source.read(requestFor(url), { signal: controller.signal })
    await bench.origin.until(() => bench.origin.log.some((r) => r.outcome === 'complete'))
    controller.abort(new Error('enough'))
    await expect(read).rejects.toThrow('enough')
    expect(bench.origin.counters('/f').requests).toBe(1)
  })
})

describe('a closed http source', () => {
  it('says so instead of asking', async () => {
    await using bench = await startBench()
    await bench.source.close()
    const error = await failure(bench.source.stat(requestFor(bench.origin.url('/f')), {}))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: false })
  })

  it('refuses a request header that HTTP does not allow', async () => {
    await using bench = await startBench()
    const request = requestFor(bench.origin.url('/f'), { 'x-secret': 'top\r\nsecret' })
    const error = await failure(bench.source.stat(request, {}))
    expect(error).toMatchObject({ code: 'InvalidArgument', blame: 'caller' })
    expect(error.message).not.toContain('top')
  })
})
