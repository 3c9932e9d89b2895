import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { Health } from '@damselfly/api/health'
import { Scheduler } from '@damselfly/api/scheduler'
import { DfError, type ErrorCode, errorTraits, type Log, silentLog } from '@damselfly/core'
import { expect, test } from 'vitest'
import { createRpcClient, route, startRpcServer } from '../src/index.ts'
import { failLikeTonic, openRawClient, startRawServer } from './raw-http2.ts'

const local = { host: '127.0.0.1', port: 0 }
const base64 = (text: string): string => Buffer.from(text).toString('base64').replaceAll('=', '')

/** What a client gets when a unary handler and a streaming handler throw `thrown`. */
async function callsThatThrow(thrown: unknown, log: Log = silentLog): Promise<DfError[]> {
  await using server = await startRpcServer({
    listen: local,
    services: [
      route(DfdaemonDownload, {
        statTask: () => {
          throw thrown
        },
        // biome-ignore lint/correctness/useYield: it fails before its first message
        async *downloadTask() {
          throw thrown
        },
      }),
    ],
    log,
    health: [],
  })
  using daemon = createRpcClient(DfdaemonDownload, server.endpoint)
  const { client } = daemon
  const unary = client.statTask({}).catch((err: unknown) => err)
  const stream = Array.fromAsync(client.downloadTask({})).catch((err: unknown) => err)
  return (await Promise.all([unary, stream])) as DfError[]
}

test('every error code arrives as it was thrown', async () => {
  for (const code of Object.keys(errorTraits) as ErrorCode[]) {
    const thrown = new DfError(code, `Grüße von ${code}: 100 % «…»`, {
      details: { url: 'http://o/ü', list: [1, { two: 2 }] },
      retryable: !errorTraits[code].retryable,
    })
    for (const got of await callsThatThrow(thrown)) {
      expect(got, code).toBeInstanceOf(DfError)
      const { message, blame, retryable, details } = thrown
      expect(got, code).toMatchObject({ code, message, blame, retryable, details })
    }
  }
})

test('details too long for a trailer are left out, the rest arrives', async () => {
  const thrown = new DfError('NoSource', 'nobody', { details: { tried: 'x'.repeat(100_000) } })
  for (const got of await callsThatThrow(thrown))
    expect(got).toMatchObject({ code: 'NoSource', message: 'nobody', details: {} })
})

test('an error that is not ours is Internal and logged, an abort is not logged', async () => {
  const logged: unknown[] = []
  const log: Log = { ...silentLog, debug: () => {}, error: (data: unknown) => logged.push(data) }
  for (const got of await callsThatThrow(new TypeError('oops'), log))
    expect(got).toMatchObject({ code: 'Internal', message: 'oops' })
  expect(logged).toHaveLength(2)
  expect(logged).toContainEqual(
    expect.objectContaining({ rpc: 'dfdaemon.v2.DfdaemonDownload/StatTask' }),
  )
  for (const got of await callsThatThrow(new DOMException('no more', 'AbortError'), log))
    expect(got).toMatchObject({ code: 'PeerUnavailable' })
  expect(logged).toHaveLength(2)
})

test('a refusing source is told as raw JSON in the status details, which dfget reads (T6)', async () => {
  await using server = await startRpcServer({
    listen: local,
    services: [
      route(DfdaemonDownload, {
        // biome-ignore lint/correctness/useYield: it fails before its first message
        async *downloadTask() {
          throw new DfError('SourceRefused', 'the origin says 403', {
            details: { statusCode: 403, header: { 'www-authenticate': 'Basic' } },
          })
        },
      }),
    ],
    log: silentLog,
    health: [],
  })
  using raw = openRawClient(server.endpoint)
  const call = raw.request('/dfdaemon.v2.DfdaemonDownload/DownloadTask').send(new Uint8Array())
  call.stream.end()
  const trailers = await call.trailers
  expect(trailers['grpc-status']).toBe('13')
  const details = String(trailers['grpc-status-details-bin'])
  expect(details).not.toContain('=')
  expect(JSON.parse(Buffer.from(details, 'base64').toString())).toEqual({
    message: 'the origin says 403',
    header: { 'www-authenticate': 'Basic' },
    status_code: 403,
  })
})

test("a Rust daemon's backend error becomes SourceRefused with its HTTP status (T6)", async () => {
  const details = { message: 'Not Found', header: { server: 'nginx' }, status_code: 404 }
  await using rust = await startRawServer((stream) =>
    failLikeTonic(stream, {
      'grpc-status': '13',
      'grpc-message': 'backend%20error',
      'grpc-status-details-bin': base64(JSON.stringify(details)),
    }),
  )
  using daemon = createRpcClient(DfdaemonDownload, rust.endpoint)
  const expected = {
    code: 'SourceRefused',
    message: 'backend error',
    blame: 'source',
    details: { statusCode: 404, header: { server: 'nginx' } },
  }
  await expect(Array.fromAsync(daemon.client.downloadTask({}))).rejects.toMatchObject(expected)
  await expect(daemon.client.statTask({})).rejects.toMatchObject(expected)
})

test("a backend error without an HTTP status, padded and in a response's headers, is understood", async () => {
  const json = JSON.stringify({ message: 'no route to host', header: {}, status_code: null })
  await using rust = await startRawServer((stream) => {
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '13',
        'grpc-status-details-bin': Buffer.from(json).toString('base64'),
      },
      { endStream: true },
    )
  })
  using daemon = createRpcClient(DfdaemonDownload, rust.endpoint)
  const failure = await daemon.client.statTask({}).catch((err: unknown) => err)
  expect(failure).toMatchObject({ code: 'SourceRefused', message: 'no route to host' })
  expect((failure as DfError).details.statusCode).toBeUndefined()
})

test('a status without our metadata becomes the nearest code', async () => {
  let status = 0
  await using foreign = await startRawServer((stream) =>
    failLikeTonic(stream, { 'grpc-status': String(status), 'grpc-message': '100 % of it' }),
  )
  using scheduler = createRpcClient(Scheduler, foreign.endpoint, {
    unavailable: 'SchedulerUnavailable',
    statusCodes: { NotFound: 'HostNotFound' },
  })
  const expected: [number, ErrorCode][] = [
    [1, 'SchedulerUnavailable'],
    [2, 'PeerProtocol'],
    [3, 'InvalidArgument'],
    [4, 'Timeout'],
    [5, 'HostNotFound'],
    [8, 'Overloaded'],
    [9, 'NoSource'],
    [10, 'SchedulerUnavailable'],
    [12, 'Unimplemented'],
    [13, 'PeerProtocol'],
    [14, 'SchedulerUnavailable'],
  ]
  for (const [sent, code] of expected) {
    status = sent
    const failure = await scheduler.client.announceHost({}).catch((err: unknown) => err)
    expect(failure, `status ${sent}`).toMatchObject({ code, message: '100 % of it' })
  }
})

test('details in the form of google.rpc.Status do no harm', async () => {
  await using foreign = await startRawServer((stream) =>
    failLikeTonic(stream, {
      'grpc-status': '5',
      'grpc-message': 'gone',
      'grpc-status-details-bin': Buffer.from([8, 5, 18, 1, 120]).toString('base64'),
    }),
  )
  using health = createRpcClient(Health, foreign.endpoint)
  await expect(health.client.check({})).rejects.toMatchObject({
    code: 'TaskNotFound',
    message: 'gone',
    details: { grpcStatus: 'NotFound' },
  })
})
