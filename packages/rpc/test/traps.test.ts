import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { DfdaemonUpload, SyncPiecesRequestSchema } from '@damselfly/api/dfdaemon'
import { HealthCheckRequestSchema } from '@damselfly/api/health'
import {
  AnnouncePeerRequestSchema,
  AnnouncePeerResponseSchema,
  Scheduler,
} from '@damselfly/api/scheduler'
import { DfError, deferred, silentLog } from '@damselfly/core'
import { expect, test } from 'vitest'
import { type Routes, route, startRpcServer } from '../src/index.ts'
import { noError, openRawClient } from './raw-http2.ts'

const local = { host: '127.0.0.1', port: 0 }
const announcePeer = '/scheduler.v2.Scheduler/AnnouncePeer'
const syncPieces = '/dfdaemon.v2.DfdaemonUpload/SyncPieces'
const announcement = toBinary(
  AnnouncePeerRequestSchema,
  create(AnnouncePeerRequestSchema, { taskId: 'task', peerId: 'peer' }),
)

function start(services: Routes, longStreams: string[] = []) {
  return startRpcServer({
    listen: local,
    services,
    log: silentLog,
    health: [],
    longStreams,
    graceMs: 60_000,
  })
}

test('a caller that never half-closes sees the trailers and then a reset with NO_ERROR (T2)', async () => {
  await using server = await start([
    route(Scheduler, {
      async *announcePeer(requests) {
        for await (const _ of requests) {
          yield { response: { case: 'needBackToSourceResponse', value: {} } }
          return
        }
      },
    }),
  ])
  using raw = openRawClient(server.endpoint)
  const call = raw.request(announcePeer).send(announcement)
  expect((await call.trailers)['grpc-status']).toBe('0')
  expect(await call.closed).toBe(noError)
  expect(call.events).toEqual(['headers', 'data', 'trailers', 'close'])
  const response = fromBinary(AnnouncePeerResponseSchema, call.body.subarray(5))
  expect(response.response.case).toBe('needBackToSourceResponse')
})

test('a failed call of a caller that never half-closes is reset with NO_ERROR too (T2)', async () => {
  await using server = await start([
    route(Scheduler, {
      // biome-ignore lint/correctness/useYield: the call fails before its first message
      async *announcePeer(requests) {
        for await (const _ of requests) throw new Error('broken')
      },
    }),
  ])
  using raw = openRawClient(server.endpoint)
  const call = raw.request(announcePeer).send(announcement)
  expect((await call.trailers)['grpc-status']).toBe('13')
  expect(await call.closed).toBe(noError)
})

test('trailers survive the reset behind a response that the connection cannot take at once (T2)', async () => {
  const url = 'x'.repeat(8 * 1024 * 1024)
  await using server = await start([
    route(Scheduler, {
      async *announcePeer() {
        yield {
          response: {
            case: 'normalTaskResponse',
            value: { candidateParents: [{ id: url }] },
          },
        }
      },
    }),
  ])
  using raw = openRawClient(server.endpoint)
  const calls = Array.from({ length: 8 }, () => raw.request(announcePeer).send(announcement))
  for (const call of calls) {
    expect((await call.trailers)['grpc-status']).toBe('0')
    expect(await call.closed).toBe(noError)
    expect(call.body.byteLength).toBeGreaterThan(url.length)
  }
})

test('response headers of a stream leave before its first message (T4)', async () => {
  const mayAnswer = deferred()
  await using server = await start([
    route(DfdaemonUpload, {
      async *syncPieces() {
        await mayAnswer.promise
        yield { number: 7 }
      },
    }),
  ])
  using raw = openRawClient(server.endpoint)
  const call = raw.request(syncPieces).send(new Uint8Array())
  call.stream.end()
  expect(await call.headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' })
  expect(call.events).toEqual(['headers'])
  mayAnswer.resolve()
  expect((await call.trailers)['grpc-status']).toBe('0')
})

test('headers come before the request does, on a stream without half-close (T4)', async () => {
  await using server = await start([
    route(Scheduler, {
      // biome-ignore lint/correctness/useYield: nothing is answered
      async *announcePeer(requests) {
        for await (const _ of requests);
      },
    }),
  ])
  using raw = openRawClient(server.endpoint)
  expect((await raw.request(announcePeer).headers)[':status']).toBe(200)
})

test('grpc-timeout does not cut a long stream, and cuts every other call (T3)', async () => {
  const cut = deferred()
  const services = [
    route(DfdaemonUpload, {
      async *syncPieces(_, { signal }) {
        await cut.promise
        expect(signal.aborted).toBe(false)
        yield { number: 1 }
      },
      deleteTask: () => new Promise(() => {}),
    }),
  ]
  await using server = await start(services, [syncPieces])
  using raw = openRawClient(server.endpoint)
  const request = toBinary(SyncPiecesRequestSchema, create(SyncPiecesRequestSchema))
  const timeout = { 'grpc-timeout': '50m' }
  const long = raw.request(syncPieces, timeout).send(request)
  long.stream.end()
  await long.headers
  // This handler never looks at its signal; the call ends nevertheless.
  const normal = raw.request('/dfdaemon.v2.DfdaemonUpload/DeleteTask', timeout).send(request)
  normal.stream.end()
  expect((await normal.trailers)['grpc-status']).toBe('4')
  cut.resolve()
  expect((await long.trailers)['grpc-status']).toBe('0')
})

test('a deadline of a century is no deadline', async () => {
  await using server = await start([])
  using raw = openRawClient(server.endpoint)
  const call = raw.request('/grpc.health.v1.Health/Check', { 'grpc-timeout': '876000H' })
  call.send(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)))
  call.stream.end()
  expect((await call.trailers)['grpc-status']).toBe('0')
})

test('an unknown method or service is UNIMPLEMENTED in the form of gRPC', async () => {
  await using server = await start([route(Scheduler, {})])
  using raw = openRawClient(server.endpoint)
  for (const path of ['/nobody.Knows/This', '/scheduler.v2.Scheduler/Nope']) {
    const call = raw.request(path)
    const headers = await call.headers
    expect(headers, path).toMatchObject({ ':status': 200, 'grpc-status': '12' })
    expect(await call.closed, path).toBe(noError)
  }
})

test('a method of a known service without implementation is UNIMPLEMENTED', async () => {
  await using server = await start([route(Scheduler, {})])
  using raw = openRawClient(server.endpoint)
  const call = raw.request('/scheduler.v2.Scheduler/AnnounceHost').send(new Uint8Array())
  call.stream.end()
  expect((await call.trailers)['grpc-status']).toBe('12')
})

test('a request that is not gRPC is refused without a body', async () => {
  await using server = await start([route(Scheduler, {})])
  using raw = openRawClient(server.endpoint)
  const call = raw.request(announcePeer, { 'content-type': 'text/html' })
  expect((await call.headers)[':status']).toBe(415)
  await call.closed
  expect(call.body.byteLength).toBe(0)
})

test('a request above the limit is refused, and neither its connection nor the stop suffers', async () => {
  await using server = await start([route(Scheduler, { announceHost: () => ({}) })])
  {
    using raw = openRawClient(server.endpoint)
    for (let n = 0; n < 3; n += 1) {
      const call = raw.request('/scheduler.v2.Scheduler/AnnounceHost')
      call.send(new Uint8Array(5 * 1024 * 1024))
      expect((await call.trailers)['grpc-status']).toBe('8')
      const check = raw.request('/grpc.health.v1.Health/Check').send(new Uint8Array())
      check.stream.end()
      expect((await check.trailers)['grpc-status']).toBe('0')
    }
  }
  // The unread rest of a request kept the connection, and the server waited for it; grace is a minute here.
  await server.stop()
})

test('with late headers a stream that fails before its first message is trailers-only (T6)', async () => {
  let hasFailed = false
  await using server = await startRpcServer({
    listen: local,
    log: silentLog,
    health: [],
    lateHeaders: true,
    services: [
      route(Scheduler, {
        async *announcePeer(requests) {
          for await (const _ of requests) {
            if (hasFailed) yield { response: { case: 'needBackToSourceResponse', value: {} } }
            hasFailed = true
            const details = { statusCode: 404, header: {} }
            throw new DfError('SourceRefused', 'nothing there', { details })
          }
        },
      }),
    ],
  })
  using raw = openRawClient(server.endpoint)
  const failed = raw.request(announcePeer).send(announcement)
  const header = await failed.headers
  expect(header['grpc-status']).toBe('13')
  const json = Buffer.from(String(header['grpc-status-details-bin']), 'base64').toString()
  expect(JSON.parse(json)).toMatchObject({ status_code: 404 })
  expect(await failed.closed).toBe(noError)
  expect(failed.events).toEqual(['headers', 'close'])
  const begun = raw.request(announcePeer).send(announcement)
  expect((await begun.trailers)['grpc-status']).toBe('13')
  expect(begun.events.slice(0, 3)).toEqual(['headers', 'data', 'trailers'])
})
