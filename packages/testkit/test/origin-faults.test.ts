import { expect, test } from 'vitest'
import { type Fault, generatedBytes, type Origin, startOrigin } from '../src/index.ts'
import { get, range } from './http-client.ts'
import { dial } from './tcp-peers.ts'

const bytes = Buffer.from(generatedBytes(5, 0, 1000))

async function originWith(fault: Fault | readonly Fault[]): Promise<Origin & { file: string }> {
  const origin = await startOrigin()
  const file = origin.put('/file', bytes, { etag: '"v1"' })
  origin.misbehave('/file', fault)
  return { ...origin, file }
}

test('slow: the body takes its time', async () => {
  await using origin = await originWith({ kind: 'slow', bytesPerSec: 5000 })
  const reply = await get(origin.file)
  expect(reply.body).toEqual(bytes)
  expect(reply.elapsedMs).toBeGreaterThan(170)
})

test('delayHeaders: the headers come later', async () => {
  await using origin = await originWith({ kind: 'delayHeaders', ms: 100 })
  const reply = await get(origin.file)
  expect(reply.headersMs).toBeGreaterThan(95)
  expect(reply.body).toEqual(bytes)
})

test('truncate: the promised length never arrives', async () => {
  await using origin = await originWith({ kind: 'truncate', afterBytes: 300 })
  const reply = await get(origin.file)
  expect(reply).toMatchObject({
    status: 200,
    headers: { 'content-length': '1000' },
    endedBy: 'ECONNRESET',
  })
  expect(reply.body).toEqual(bytes.subarray(0, 300))
  await origin.idle()
  expect(origin.counters('/file').bodyBytes).toBe(300)
  expect(origin.log[0]?.outcome).toBe('aborted')
})

test('wrongLength: a length that is too long ends in a cut connection', async () => {
  await using origin = await originWith({ kind: 'wrongLength', claim: 1500 })
  const reply = await get(origin.file)
  expect(reply).toMatchObject({ headers: { 'content-length': '1500' }, endedBy: 'ECONNRESET' })
  expect(reply.body).toEqual(bytes)
})

test('wrongLength: a length that is too short hides the rest', async () => {
  await using origin = await originWith({ kind: 'wrongLength', claim: 400 })
  // A plain socket: what an HTTP client makes of the surplus differs from client to client.
  using client = await dial(origin.port)
  client.socket.write('GET /file HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n')
  await client.end()
  const headEnd = client.received.indexOf('\r\n\r\n')
  expect(client.received.subarray(0, headEnd).toString()).toContain('Content-Length: 400\r\n')
  expect(client.received.subarray(headEnd + 4)).toEqual(bytes)
  expect((await get(origin.file, { method: 'HEAD' })).headers['content-length']).toBe('400')
  await origin.idle()
  expect(origin.counters('/file').bodyBytes).toBe(1000)
})

test('ignoreRange: a range is promised and answered with everything', async () => {
  await using origin = await originWith({ kind: 'ignoreRange' })
  const reply = await get(origin.file, range('10-19'))
  expect(reply).toMatchObject({ status: 200, headers: { 'accept-ranges': 'bytes' } })
  expect(reply.body).toEqual(bytes)
})

test('noRanges: ranges are declined openly', async () => {
  await using origin = await originWith({ kind: 'noRanges' })
  const reply = await get(origin.file, range('10-19'))
  expect(reply).toMatchObject({ status: 200, headers: { 'accept-ranges': 'none' } })
  expect(reply.body).toEqual(bytes)
})

test.each([
  ['10-19', 'bytes 9-18/1000', 9, 19],
  ['0-9', 'bytes 1-10/1000', 1, 11],
  ['0-', 'bytes 0-998/1000', 0, 999],
])('wrongRange: %s is answered with %s', async (asked, contentRange, start, end) => {
  await using origin = await originWith({ kind: 'wrongRange' })
  const reply = await get(origin.file, range(asked))
  expect(reply).toMatchObject({ status: 206, headers: { 'content-range': contentRange } })
  expect(reply.body).toEqual(bytes.subarray(start, end))
})

test('changingEtag: each answer has another ETag and the same content', async () => {
  await using origin = await originWith({ kind: 'changingEtag' })
  const replies = [await get(origin.file), await get(origin.file, { method: 'HEAD' })]
  expect(new Set(replies.map(({ headers }) => headers.etag)).size).toBe(2)
  expect(replies[0]?.body).toEqual(bytes)
  const conditional = { Range: 'bytes=0-9', 'If-Range': String(replies[0]?.headers.etag) }
  expect((await get(origin.file, { headers: conditional })).status).toBe(200)
})

test('changeContent: after so many requests every byte and the validators are others', async () => {
  await using origin = await originWith({ kind: 'changeContent', afterRequests: 2 })
  await get(origin.file, { method: 'HEAD' })
  const before = await get(origin.file)
  const after = await get(origin.file)
  expect(before.body).toEqual(bytes)
  expect(after.body).toEqual(Buffer.from(bytes.map((byte) => byte ^ 0xff)))
  expect(after.headers.etag).not.toBe(before.headers.etag)
  expect(after.headers['last-modified']).not.toBe(before.headers['last-modified'])
  expect((await get(origin.file)).headers.etag).toBe(after.headers.etag)
})

test('changeContent: the new content can be given', async () => {
  const to = Buffer.from('shorter')
  await using origin = await originWith({ kind: 'changeContent', afterRequests: 0, to })
  expect((await get(origin.file)).body.toString()).toBe('shorter')
})

test.each([401, 403, 404, 416, 429, 500, 503])('status: %i is answered', async (code) => {
  await using origin = await originWith({
    kind: 'status',
    code,
    retryAfter: 7,
    header: { 'X-Why': 'test' },
  })
  expect(await get(origin.file)).toMatchObject({
    status: code,
    headers: { 'retry-after': '7', 'x-why': 'test' },
    endedBy: 'end',
  })
})

test('status: an answer without a body has no length', async () => {
  await using origin = await originWith({ kind: 'status', code: 204 })
  const reply = await get(origin.file)
  expect(reply).toMatchObject({ status: 204, endedBy: 'end' })
  expect(reply.headers).not.toHaveProperty('content-length')
})

test('hangBeforeHeaders: nothing comes', async () => {
  await using origin = await originWith({ kind: 'hangBeforeHeaders' })
  expect(await get(origin.file, { idleMs: 60 })).toMatchObject({
    status: undefined,
    endedBy: 'idle',
  })
  await origin.idle()
  expect(origin.log[0]).toMatchObject({ status: undefined, outcome: 'aborted' })
})

test('hangAfterHeaders: the headers come and then nothing', async () => {
  await using origin = await originWith({ kind: 'hangAfterHeaders' })
  const reply = await get(origin.file, { idleMs: 60 })
  expect(reply).toMatchObject({ status: 200, endedBy: 'idle' })
  expect(reply.body.byteLength).toBe(0)
})

test('redirect: to a URL or a path, with the code that is wanted', async () => {
  await using origin = await originWith({ kind: 'redirect', to: '/other' })
  expect(await get(origin.file)).toMatchObject({ status: 302, headers: { location: '/other' } })
  origin.misbehave('/file', { kind: 'redirect', to: 'http://elsewhere.test/x', code: 308 })
  expect(await get(origin.file)).toMatchObject({
    status: 308,
    headers: { location: 'http://elsewhere.test/x' },
  })
})

test('redirectLoop: each hop leads to another one', async () => {
  await using origin = await originWith({ kind: 'redirectLoop' })
  const seen = new Set<string>()
  let url = origin.file
  for (let hop = 0; hop < 5; hop++) {
    const reply = await get(url)
    expect(reply.status).toBe(302)
    url = new URL(String(reply.headers.location), url).href
    seen.add(url)
  }
  expect(seen.size).toBe(5)
  expect(origin.counters('/file').requests).toBe(5)
})

test('chunked: the length is not told', async () => {
  await using origin = await originWith({ kind: 'chunked' })
  const reply = await get(origin.file)
  expect(reply.headers).toMatchObject({ 'transfer-encoding': 'chunked' })
  expect(reply.headers).not.toHaveProperty('content-length')
  expect(reply.body).toEqual(bytes)
  expect((await get(origin.file, { method: 'HEAD' })).headers).not.toHaveProperty('content-length')
  await origin.idle()
  expect(origin.counters('/file').bodyBytes).toBe(1000)
})

test('chunked and truncate together: the last chunk never comes', async () => {
  await using origin = await originWith([{ kind: 'chunked' }, { kind: 'truncate', afterBytes: 10 }])
  const reply = await get(origin.file)
  expect(reply.endedBy).toBe('ECONNRESET')
  expect(reply.body).toEqual(bytes.subarray(0, 10))
})

test('noHead: HEAD is refused, GET works', async () => {
  await using origin = await originWith({ kind: 'noHead' })
  expect((await get(origin.file, { method: 'HEAD' })).status).toBe(405)
  expect((await get(origin.file)).status).toBe(200)
})

test('reset: the connection is reset instead of an answer', async () => {
  await using origin = await originWith({ kind: 'reset', times: 1 })
  expect(await get(origin.file)).toMatchObject({ status: undefined, endedBy: 'ECONNRESET' })
  expect((await get(origin.file)).status).toBe(200)
})

test('corrupt: one byte is flipped in every range that holds it', async () => {
  await using origin = await originWith({ kind: 'corrupt', atByte: 500 })
  const expected = Buffer.from(bytes)
  expected[500] = expected.readUInt8(500) ^ 0xff
  expect((await get(origin.file)).body).toEqual(expected)
  expect((await get(origin.file, range('499-501'))).body).toEqual(expected.subarray(499, 502))
  expect((await get(origin.file, range('501-'))).body).toEqual(bytes.subarray(501))
  expect(bytes).toEqual(Buffer.from(generatedBytes(5, 0, 1000)))
})

test('requireAuth: only the right credential gets the object', async () => {
  await using origin = await originWith({ kind: 'requireAuth', authorization: 'Bearer secret' })
  expect(await get(origin.file)).toMatchObject({
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="origin"' },
  })
  const wrong = await get(origin.file, { headers: { Authorization: 'Bearer other' } })
  expect(wrong.status).toBe(401)
  const right = await get(origin.file, { headers: { Authorization: 'Bearer secret' } })
  expect(right.body).toEqual(bytes)
})

test('a fault can be limited to some requests and to one method', async () => {
  await using origin = await originWith({
    kind: 'status',
    code: 503,
    method: 'GET',
    after: 1,
    times: 2,
  })
  const statuses = []
  for (const method of ['GET', 'HEAD', 'GET', 'HEAD', 'GET', 'GET'])
    statuses.push((await get(origin.file, { method })).status)
  expect(statuses).toEqual([200, 200, 503, 200, 503, 200])
})

test('faults of a path end when they are taken away, and other paths never see them', async () => {
  await using origin = await originWith({ kind: 'status', code: 500 })
  expect((await get(origin.put('/fine', bytes))).status).toBe(200)
  expect((await get(origin.file)).status).toBe(500)
  origin.misbehave('/file', undefined)
  expect((await get(origin.file)).status).toBe(200)
})
