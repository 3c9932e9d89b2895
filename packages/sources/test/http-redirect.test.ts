import { describe, expect, it } from 'vitest'
import { collect, content, failure, requestFor, startBench } from './http-fixture.ts'

const secrets = {
  Authorization: 'Bearer secret',
  Cookie: 'session=secret',
  'Proxy-Authorization': 'Basic secret',
  'PRIVATE-TOKEN': 'secret',
}

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('is followed when the status is %i', async (code) => {
    await using bench = await startBench()
    bench.origin.put('/f', content(1000))
    bench.origin.misbehave('/old', { kind: 'redirect', to: '/f', code })
    const request = requestFor(bench.origin.url('/old'))
    const expected = await bench.source.stat(request, {})
    const range = { start: 10, length: 20 }
    const body = await bench.source.read(request, { range, expect: expected })
    expect(await collect(body.bytes)).toEqual(Buffer.from(content(1000).subarray(10, 30)))
  })

  it('keeps the header within one origin', async () => {
    await using bench = await startBench()
    bench.origin.put('/f', content(10))
    bench.origin.misbehave('/old', { kind: 'redirect', to: '/f' })
    await bench.source.stat(requestFor(bench.origin.url('/old'), secrets), {})
    expect(bench.origin.log.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'private-token': 'secret',
    })
  })

  it('leaves every secret behind when the origin is another one, the port included', async () => {
    await using bench = await startBench()
    await using other = await startBench()
    const url = other.origin.put('/f', content(10))
    bench.origin.misbehave('/old', { kind: 'redirect', to: url })
    const old = bench.origin.url('/old').replace('http://', 'http://user:secret@')
    const header = { ...secrets, 'User-Agent': 'test' }
    await bench.source.stat(requestFor(old, header), {})
    const record = other.origin.log.at(-1)
    expect(record?.headers['user-agent']).toBe('test')
    expect(JSON.stringify(record)).not.toContain('secret')
  })

  it('in a circle breaks the protocol', async () => {
    await using bench = await startBench()
    bench.origin.misbehave('/a', { kind: 'redirect', to: '/b' })
    bench.origin.misbehave('/b', { kind: 'redirect', to: '/a' })
    const error = await failure(bench.source.read(requestFor(bench.origin.url('/a')), {}))
    expect(error.code).toBe('SourceProtocol')
    expect(error.message).toContain('in a circle')
    expect(bench.origin.counters().requests).toBe(2)
  })

  it('without end breaks the protocol', async () => {
    await using bench = await startBench({ maxRedirects: 3 })
    bench.origin.misbehave('/a', { kind: 'redirectLoop' })
    const error = await failure(bench.source.read(requestFor(bench.origin.url('/a')), {}))
    expect(error.code).toBe('SourceProtocol')
    expect(error.message).toContain('after 3 redirects')
    expect(bench.origin.counters('/a').requests).toBe(4)
  })

  it('to another scheme is not followed', async () => {
    await using bench = await startBench()
    bench.origin.misbehave('/a', { kind: 'redirect', to: 'file:///etc/passwd' })
    const error = await failure(bench.source.read(requestFor(bench.origin.url('/a')), {}))
    expect(error.code).toBe('SourceProtocol')
    expect(error.message).toContain('scheme "file"')
  })

  it('is followed anew when what it leads to says not now', async () => {
    await using bench = await startBench()
    bench.origin.put('/f', content(10))
    bench.origin.misbehave('/old', { kind: 'redirect', to: '/f' })
    bench.origin.misbehave('/f', { kind: 'status', code: 503, times: 1 })
    await bench.source.stat(requestFor(bench.origin.url('/old')), {})
    expect(bench.origin.counters('/old').requests).toBe(2)
  })
})
