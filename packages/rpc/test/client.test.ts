import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { Health } from '@damselfly/api/health'
import { Scheduler } from '@damselfly/api/scheduler'
import { deferred, type Endpoint, silentLog } from '@damselfly/core'
import { expect, test } from 'vitest'
import {
  createRpcClient,
  openBidi,
  openChannel,
  type Routes,
  type RpcChannel,
  route,
  startRpcServer,
} from '../src/index.ts'
import { startRawServer } from './raw-http2.ts'

const local = { host: '127.0.0.1', port: 0 }

function start(services: Routes) {
  return startRpcServer({ listen: local, services, log: silentLog, health: [], graceMs: 100 })
}

/** A TCP proxy that can stop forwarding without closing anything. */
async function startBlackHole(target: Endpoint) {
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(target)
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    swallow() {
      for (const socket of sockets) socket.unpipe().resume()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A daemon whose `downloadTask` sends one message and then hangs until its caller goes away. */
function endlessDownload(gone = deferred()) {
  return route(DfdaemonDownload, {
    async *downloadTask(_, { signal }) {
      signal.addEventListener('abort', () => gone.resolve())
      yield { taskId: 'first' }
      await gone.promise
    },
  })
}

test('a message of 40 MiB arrives (T5)', async () => {
  const content = Buffer.alloc(40 * 1024 * 1024, 'piece')
  await using server = await start([
    route(DfdaemonDownload, {
      async *downloadTask() {
        yield {
          response: { case: 'downloadPieceFinishedResponse', value: { piece: { content } } },
        }
      },
    }),
  ])
  using daemon = createRpcClient(DfdaemonDownload, server.endpoint)
  const [message] = await Array.fromAsync(daemon.client.downloadTask({}))
  const { response } = message ?? {}
  if (response?.case !== 'downloadPieceFinishedResponse') expect.fail('no piece')
  expect(content.equals(response.value.piece?.content ?? Buffer.alloc(0))).toBe(true)
})

test('services of one channel share one connection', async () => {
  let connections = 0
  await using server = await start([route(Scheduler, { announceHost: () => ({}) })])
  await using proxy = await startBlackHole(server.endpoint)
  using channel = openChannel(proxy.endpoint, {
    network: {
      connect: (endpoint) => {
        connections += 1
        return connect(endpoint)
      },
      createServer: () => expect.fail(),
    },
  })
  await channel.client(Scheduler).announceHost({})
  await Promise.all([channel.client(Health).check({}), channel.client(Scheduler).announceHost({})])
  expect(connections).toBe(1)
})

test('a refused connection fails at once with the code the caller chose', async () => {
  const taken = await start([])
  await taken.stop()
  using scheduler = createRpcClient(Scheduler, taken.endpoint, {
    unavailable: 'SchedulerUnavailable',
  })
  await expect(scheduler.client.announceHost({})).rejects.toMatchObject({
    code: 'SchedulerUnavailable',
    retryable: true,
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a missing unix socket is an unavailable daemon', async () => {
  using daemon = createRpcClient(
    DfdaemonDownload,
    { path: '/nonexistent/dfdaemon.sock' },
    { unavailable: 'DaemonUnavailable' },
  )
  await expect(daemon.client.statTask({})).rejects.toMatchObject({ code: 'DaemonUnavailable' })
})

/** Resolves when the server has answered a stream on this channel, so that earlier ones are open too. */
async function answered(channel: RpcChannel): Promise<void> {
  const opened = deferred()
  const watch = channel.client(Health).watch({}, { onHeader: () => opened.resolve() })
  Array.fromAsync(watch).catch((err: unknown) => opened.reject(err))
  await opened.promise
}

test('calls on a session that dies fail at once, and the next call connects anew', async () => {
  await using server = await startRawServer((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
  })
  using channel = openChannel(server.endpoint)
  const announce = openBidi(channel.client(Scheduler).announcePeer)
  await announce.send({ taskId: 'task' })
  const outcomes = Promise.allSettled([
    Array.fromAsync(channel.client(DfdaemonDownload).downloadTask({})),
    Array.fromAsync(announce.responses),
    channel.client(Health).check({}),
  ])
  await answered(channel)
  server.killSessions()
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'PeerUnavailable' } })
  await answered(channel)
})

test('an idle channel does not keep its process alive', async () => {
  await using server = await start([])
  const script = `
    import { openChannel } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url))}
    import { Health } from '@damselfly/api/health'
    const channel = openChannel(${JSON.stringify(server.endpoint)})
    const { status } = await channel.client(Health).check({})
    process.stdout.write(String(status))
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    { cwd: new URL('..', import.meta.url) },
  )
  expect(stdout).toBe('1')
})

test('a peer that goes silent is noticed by PING', async () => {
  const gone = deferred()
  await using server = await start([endlessDownload(gone)])
  await using proxy = await startBlackHole(server.endpoint)
  using daemon = createRpcClient(DfdaemonDownload, proxy.endpoint, {
    pingIntervalMs: 30,
    pingTimeoutMs: 30,
  })
  const responses = daemon.client.downloadTask({})[Symbol.asyncIterator]()
  await responses.next()
  proxy.swallow()
  await expect(responses.next()).rejects.toMatchObject({ code: 'PeerUnavailable' })
  gone.resolve()
})

test('a connection that is never accepted times out', async () => {
  using client = createRpcClient(
    Health,
    { host: '192.0.2.1', port: 1 },
    {
      connectTimeoutMs: 30,
      network: {
        // A socket that stays between "connecting" and "connected", wherever the test runs.
        connect: () => {
          const socket = connect({ host: 'x', port: 1, lookup: () => {} })
          return socket
        },
        createServer: () => expect.fail(),
      },
    },
  )
  await expect(client.client.check({})).rejects.toMatchObject({
    code: 'PeerUnavailable',
    message: expect.stringContaining('not connected within 30 ms'),
  })
})

test("an aborted call throws the signal's reason", async () => {
  await using server = await start([
    endlessDownload(),
    route(Scheduler, { announceHost: () => new Promise(() => {}) }),
  ])
  using channel = openChannel(server.endpoint)
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('enough')
  const unary = channel.client(Scheduler).announceHost({}, { signal })
  const responses = channel.client(DfdaemonDownload).downloadTask({}, { signal })
  const stream = Array.fromAsync(responses)
  const outcomes = Promise.allSettled([unary, stream])
  controller.abort(reason)
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason })
})

test('leaving a response stream early ends the call on the server', async () => {
  const gone = deferred()
  await using server = await start([endlessDownload(gone)])
  using daemon = createRpcClient(DfdaemonDownload, server.endpoint)
  for await (const { taskId } of daemon.client.downloadTask({})) {
    expect(taskId).toBe('first')
    break
  }
  await gone.promise
})

test('a unary call without an answer ends at its deadline as Timeout', async () => {
  await using server = await startRawServer(() => {})
  using scheduler = createRpcClient(Scheduler, server.endpoint, { deadlines: { unaryMs: 30 } })
  await expect(scheduler.client.announceHost({})).rejects.toMatchObject({ code: 'Timeout' })
})

test('a stream whose headers do not come ends at the open deadline as Timeout', async () => {
  await using server = await startRawServer(() => {})
  using scheduler = createRpcClient(Scheduler, server.endpoint, { deadlines: { openMs: 30 } })
  const announce = openBidi(scheduler.client.announcePeer)
  await expect(Array.fromAsync(announce.responses)).rejects.toMatchObject({
    code: 'Timeout',
    message: 'AnnouncePeer was not answered within 30 ms',
  })
  await expect(announce.send({})).rejects.toMatchObject({ code: 'Timeout' })
})

test('closing a channel fails the calls under way and later ones', async () => {
  await using server = await start([endlessDownload()])
  const channel = openChannel(server.endpoint)
  const { client } = { client: channel.client(DfdaemonDownload) }
  const responses = client.downloadTask({})[Symbol.asyncIterator]()
  await responses.next()
  const next = responses.next()
  channel.close()
  const closed = { code: 'PeerUnavailable', message: expect.stringContaining('was closed') }
  await expect(next).rejects.toMatchObject(closed)
  await expect(client.statTask({})).rejects.toMatchObject(closed)
})

test('a handler may send a trailer, which the caller gets when the call has succeeded', async () => {
  await using server = await start([
    route(DfdaemonDownload, {
      async *downloadTask(_, { trailer }) {
        yield { taskId: 'a' }
        trailer['x-after'] = 'all'
      },
    }),
  ])
  using channel = openChannel(server.endpoint)
  const seen: (string | null)[] = []
  const onTrailer = (received: Headers): void => void seen.push(received.get('x-after'))
  for await (const _ of channel.client(DfdaemonDownload).downloadTask({}, { onTrailer })) {
    expect(seen).toEqual([])
  }
  expect(seen).toEqual(['all'])
})
