import { createServer, type Socket } from 'node:net'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, it } from 'vitest'
import {
  collect,
  content,
  failure,
  listening,
  requestFor,
  serveHttp,
  startBench,
  testSource,
} from './http-fixture.ts'

const size = 3_000_000
const bytes = Buffer.from(content(size))

/** Each request on a connection is answered by `answer`; tells how many connections there were. */
async function serveSockets(answer: (socket: Socket, request: number) => void) {
  const sockets: Socket[] = []
  let requests = 0
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.on('data', () => answer(socket, ++requests))
  })
  const cut = (): void => sockets.forEach((socket) => void socket.destroy())
  return { ...(await listening(server, cut)), sockets, requests: () => requests }
}

const plain = (length = size): string => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`

describe('a large body', () => {
  it('leaves its connection to the next request', async () => {
    await using server = await serveSockets(
      (socket) => socket.write(plain()) && socket.write(bytes),
    )
    const source = testSource()
    for (let i = 0; i < 3; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(body.header['content-length']).toBe(String(size))
      expect(bytes.equals(await collect(body.bytes))).toBe(true)
    }
    expect(server.sockets).toHaveLength(1)
    await source.close()
  })

  it('leaves its connection also to a reader that stops with the last byte', async () => {
    await using server = await serveSockets(
      (socket) => socket.write(plain()) && socket.write(bytes),
    )
    const source = testSource()
    for (let i = 0; i < 3; i++) {
      let left = size
      for await (const chunk of (await source.read(requestFor(server.url), {})).bytes) {
        left -= chunk.length
        if (left === 0) break
      }
    }
    expect(server.sockets).toHaveLength(1)
    await source.close()
  })

  it('stays as it came while its reader takes its time', async () => {
    await using server = await serveSockets((socket) => {
      socket.write(plain())
      for (let at = 0; at < size; at += 50_000) socket.write(bytes.subarray(at, at + 50_000))
    })
    const source = testSource()
    const body = await source.read(requestFor(server.url), {})
    let position = 0
    for await (const chunk of body.bytes) {
      for (let i = 0; i < 5; i++) await new Promise(setImmediate)
      expect(bytes.subarray(position, position + chunk.length).equals(chunk)).toBe(true)
      position += chunk.length
    }
    expect(position).toBe(size)
    await source.close()
  })

  it('is read after a head that came in bits, and after an interim answer', async () => {
    await using server = await serveSockets((socket, request) => {
      const text = `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${plain()}`
      const head = request === 1 ? text : plain()
      socket.write(head.slice(0, -8))
      setImmediate(() => socket.write(head.slice(-8)) && socket.write(bytes))
    })
    const source = testSource()
    for (let i = 0; i < 2; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(bytes.equals(await collect(body.bytes))).toBe(true)
    }
    await source.close()
  })

  it('ends with its connection when the origin wants it so', async () => {
    await using server = await serveSockets((socket) => {
      socket.write(plain().replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      socket.end(bytes)
    })
    const source = testSource()
    for (let i = 0; i < 2; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(bytes.equals(await collect(body.bytes))).toBe(true)
    }
    expect(server.sockets).toHaveLength(2)
    await source.close()
  })

  it.each([
    { title: 'ends', cut: (socket: Socket) => socket.end() },
    { title: 'is reset', cut: (socket: Socket) => socket.resetAndDestroy() },
  ])('is unavailable when its connection $title in the middle', async ({ cut }) => {
    await using server = await serveSockets((socket) => {
      socket.write(plain())
      socket.write(bytes.subarray(0, 1_000_000), () => setImmediate(cut, socket))
    })
    const source = testSource()
    const body = await source.read(requestFor(server.url), {})
    const error = await failure(collect(body.bytes))
    expect(error).toMatchObject({ code: 'SourceUnavailable', details: { contentLength: size } })
    expect(error.message).toContain('broke off after')
    await source.close()
  })

  it('is complete when more comes than was announced, and its connection is not used again', async () => {
    await using server = await serveSockets((socket) => {
      socket.write(plain())
      socket.write(Buffer.concat([bytes, Buffer.from(plain(3)), Buffer.from('bad')]))
    })
    const source = testSource()
    for (let i = 0; i < 2; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(bytes.equals(await collect(body.bytes))).toBe(true)
    }
    expect(server.sockets).toHaveLength(2)
    await source.close()
  })

  it('has a length and no bytes in the answer to HEAD', async () => {
    await using server = await serveSockets((socket) => socket.write(plain()))
    const source = testSource()
    for (let i = 0; i < 2; i++)
      expect(await source.stat(requestFor(server.url), {})).toMatchObject({ contentLength: size })
    expect(server.sockets).toHaveLength(1)
    await source.close()
  })

  it('leaves no timer behind when its reader leaves', async () => {
    const clock = new FakeClock()
    await using bench = await startBench({ clock })
    const url = bench.origin.put('/f', bytes)
    for await (const _ of (await bench.source.read(requestFor(url), {})).bytes) break
    await bench.origin.idle()
    expect(clock.pending).toBe(0)
  })
})

describe('the connections of an http source', () => {
  it('are dialled anew, at once, when the origin hangs up on a kept one', async () => {
    await using server = await serveSockets((socket, request) => {
      if (request === 2) socket.resetAndDestroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const source = testSource({ maxRetries: 0 })
    for (let i = 0; i < 2; i++) {
      const body = await source.read(requestFor(server.url), {})
      expect(await collect(body.bytes)).toHaveLength(2)
    }
    expect(server.requests()).toBe(3)
    await source.close()
  })

  it('are as many as allowed; a request that waits for one can be aborted', async () => {
    await using bench = await startBench({ connections: 1 })
    const url = bench.origin.put('/f', bytes)
    const first = await bench.source.read(requestFor(url), {})
    const controller = new AbortController()
    const second = bench.source.read(requestFor(url), { signal: controller.signal })
    const third = bench.source.read(requestFor(url), {})
    controller.abort('enough')
    await expect(second).rejects.toBe('enough')
    expect(bench.origin.counters('/f').requests).toBe(1)
    expect(await collect(first.bytes)).toHaveLength(size)
    expect(await collect((await third).bytes)).toHaveLength(size)
  })

  it('are cut by close, and what waits for one is told so', async () => {
    await using bench = await startBench({ connections: 1 })
    const url = bench.origin.put('/f', content(100))
    bench.origin.misbehave('/f', { kind: 'hangAfterHeaders' })
    const body = await bench.source.read(requestFor(url), {})
    const reading = failure(collect(body.bytes))
    const waiting = failure(bench.source.read(requestFor(url), {}))
    await bench.source.close()
    expect(await reading).toMatchObject({ code: 'SourceUnavailable' })
    expect(await waiting).toMatchObject({ code: 'SourceUnavailable', retryable: false })
    await bench.origin.idle()
  })

  it('carry the header as it was given, and of their own only what HTTP needs', async () => {
    let raw: string[] = []
    await using server = await serveHttp((req, res) => {
      raw = req.rawHeaders
      res.writeHead(200, { 'Content-Length': 0 }).end()
    })
    const source = testSource()
    const header = { 'X-Own': 'y', Host: 'other.example', 'User-Agent': 'test' }
    await collect((await source.read(requestFor(server.url, header), {})).bytes)
    const sent = Object.fromEntries(
      raw.flatMap((v, i) => (i % 2 ? [] : [[v.toLowerCase(), raw[i + 1]]])),
    )
    expect(sent).toEqual({
      'x-own': 'y',
      host: 'other.example',
      'user-agent': 'test',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
    })
    await source.close()
  })
})
