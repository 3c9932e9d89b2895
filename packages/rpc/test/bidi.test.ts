import { Scheduler } from '@damselfly/api/scheduler'
import { Swarm } from '@damselfly/api/swarm'
import { DfError, deferred, type Endpoint, silentLog } from '@damselfly/core'
import { expect, test } from 'vitest'
import { createRpcClient, openBidi, type Routes, route, startRpcServer } from '../src/index.ts'
import { startRawServer } from './raw-http2.ts'

function start(services: Routes) {
  const listen: Endpoint = { host: '127.0.0.1', port: 0 }
  return startRpcServer({ listen, services, log: silentLog, health: [], graceMs: 100 })
}

const echo = route(Swarm, {
  async *resolveTask(requests) {
    for await (const { request } of requests) {
      if (request.case === 'found') yield { response: { case: 'known', value: request.value } }
    }
  },
})

test('messages go back and forth until the client half-closes', async () => {
  await using server = await start([echo])
  using swarm = createRpcClient(Swarm, server.endpoint)
  const call = openBidi(swarm.client.resolveTask)
  const responses = call.responses[Symbol.asyncIterator]()
  for (let n = 1n; n <= 20n; n += 1n) {
    await call.send({ request: { case: 'found', value: { contentLength: n } } })
    const { value } = await responses.next()
    expect(value?.response.value).toMatchObject({ contentLength: n })
  }
  call.closeSend()
  expect(await responses.next()).toMatchObject({ done: true })
})

test('a call that the server ends with OK ends the responses and rejects what is sent later', async () => {
  await using server = await start([
    route(Scheduler, {
      async *announcePeer(requests) {
        for await (const _ of requests) return yield { response: { case: undefined } }
      },
    }),
  ])
  using scheduler = createRpcClient(Scheduler, server.endpoint, {
    unavailable: 'SchedulerUnavailable',
  })
  const call = openBidi(scheduler.client.announcePeer)
  await call.send({ taskId: 'task' })
  expect(await Array.fromAsync(call.responses)).toHaveLength(1)
  const sendUntilRefused = async (): Promise<never> => {
    for (;;) await call.send({ taskId: 'late' })
  }
  await expect(sendUntilRefused()).rejects.toMatchObject({ code: 'SchedulerUnavailable' })
})

test("a failed call's error comes out of the responses", async () => {
  await using server = await start([
    route(Swarm, {
      // biome-ignore lint/correctness/useYield: the call fails before its first message
      async *resolveTask(requests) {
        for await (const _ of requests) throw new DfError('TaskNotFound', 'no such task')
      },
    }),
  ])
  using swarm = createRpcClient(Swarm, server.endpoint)
  const call = openBidi(swarm.client.resolveTask)
  await call.send({})
  await expect(Array.fromAsync(call.responses)).rejects.toMatchObject({ code: 'TaskNotFound' })
})

test('a sender that waits for room is told when the session dies, though nobody reads', async () => {
  const opened = deferred()
  const server = await startRawServer((stream) => {
    stream.pause()
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    opened.resolve()
  })
  await using _ = server
  using scheduler = createRpcClient(Scheduler, server.endpoint)
  const call = openBidi(scheduler.client.announcePeer, { queueMax: 2 })
  const flood = (async () => {
    for (;;) await call.send({ taskId: 'x'.repeat(100_000) })
  })()
  await opened.promise
  server.killSessions()
  await expect(flood).rejects.toMatchObject({ code: 'PeerUnavailable' })
})

test("abort ends the call with the caller's reason on both sides", async () => {
  const gone = deferred()
  await using server = await start([
    route(Swarm, {
      async *resolveTask(requests, { signal }) {
        yield {}
        try {
          for await (const _ of requests);
        } finally {
          if (signal.aborted) gone.resolve()
        }
      },
    }),
  ])
  using swarm = createRpcClient(Swarm, server.endpoint)
  const call = openBidi(swarm.client.resolveTask)
  const responses = call.responses[Symbol.asyncIterator]()
  await responses.next()
  const next = responses.next()
  const reason = new Error('changed my mind')
  call.abort(reason)
  await expect(next).rejects.toBe(reason)
  await gone.promise
})

test('an error thrown while producing requests is the error of the call', async () => {
  await using server = await start([echo])
  using swarm = createRpcClient(Swarm, server.endpoint)
  const failure = new DfError('DiskFailed', 'cannot read')
  // biome-ignore lint/correctness/useYield: it fails before its first message
  async function* requests() {
    throw failure
  }
  await expect(Array.fromAsync(swarm.client.resolveTask(requests()))).rejects.toBe(failure)
})
