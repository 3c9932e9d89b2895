import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Health, HealthCheckResponse_ServingStatus as Status } from '@damselfly/api/health'
import { Scheduler } from '@damselfly/api/scheduler'
import { deferred, type Endpoint, type Network, silentLog, systemNetwork } from '@damselfly/core'
import { expect, test } from 'vitest'
import {
  createRpcClient,
  openBidi,
  openChannel,
  type RpcServerOptions,
  route,
  startRpcServer,
} from '../src/index.ts'

const local: Endpoint = { host: '127.0.0.1', port: 0 }

function start(options: Partial<RpcServerOptions> = {}) {
  return startRpcServer({ listen: local, services: [], log: silentLog, health: [], ...options })
}

function tempDir() {
  const path = mkdtempSync(join(tmpdir(), 'rpc-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('health tells the server, the named services, and nothing of others', async () => {
  await using server = await start({ health: ['dfdaemon.v2.DfdaemonUpload'] })
  using health = createRpcClient(Health, server.endpoint)
  const { client } = health
  expect((await client.check({})).status).toBe(Status.SERVING)
  const service = 'dfdaemon.v2.DfdaemonUpload'
  expect((await client.check({ service })).status).toBe(Status.SERVING)
  server.setServing(service, false)
  expect((await client.check({ service })).status).toBe(Status.NOT_SERVING)
  await expect(client.check({ service: 'else' })).rejects.toMatchObject({
    details: { grpcStatus: 'NotFound' },
  })
})

test('a health watcher sees every change, and NOT_SERVING when the server stops', async () => {
  await using server = await start()
  using health = createRpcClient(Health, server.endpoint)
  const statuses = health.client.watch({ service: 'late' })[Symbol.asyncIterator]()
  const next = async () => (await statuses.next()).value?.status
  expect(await next()).toBe(Status.SERVICE_UNKNOWN)
  server.setServing('late', true)
  expect(await next()).toBe(Status.SERVING)
  const last = next()
  const stopped = server.stop()
  expect(await last).toBe(Status.NOT_SERVING)
  await expect(next()).rejects.toMatchObject({ code: 'PeerUnavailable' })
  await stopped
})

test('a unix socket is made with its directory, open to all, and removed at stop', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'run', 'dragonfly', 'dfdaemon.sock')
  const server = await start({ listen: { path } })
  expect(server.endpoint).toEqual({ path })
  expect(statSync(path).mode & 0o777).toBe(0o777)
  using health = createRpcClient(Health, { path })
  expect((await health.client.check({})).status).toBe(Status.SERVING)
  await server.stop()
  expect(existsSync(path)).toBe(false)
})

test.runIf(process.platform === 'linux')('an abstract unix socket has no file', async () => {
  const path = `\0damselfly rpc test ${process.pid}`
  await using server = await start({ listen: { path } })
  expect(server.endpoint).toEqual({ path })
  using health = createRpcClient(Health, { path })
  expect((await health.client.check({})).status).toBe(Status.SERVING)
  await expect(start({ listen: { path } })).rejects.toMatchObject({ code: 'AlreadyRunning' })
})

test('the network is whichever it is given', async () => {
  let accepted = 0
  const network: Network = {
    ...systemNetwork,
    createServer: (options, onConnection) =>
      systemNetwork.createServer(options, (socket) => {
        accepted += 1
        onConnection(socket)
      }),
  }
  await using server = await start({ network })
  using health = createRpcClient(Health, server.endpoint)
  expect((await health.client.check({})).status).toBe(Status.SERVING)
  expect(accepted).toBe(1)
})

test('a stale socket file is replaced', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'dfdaemon.sock')
  const dying = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', dying], { stdio: 'ignore' })
  } catch {}
  expect(statSync(path).isSocket()).toBe(true)
  await using _ = await start({ listen: { path } })
  using health = createRpcClient(Health, { path })
  expect((await health.client.check({})).status).toBe(Status.SERVING)
})

test('a socket on which somebody answers is left alone', async () => {
  using dir = tempDir()
  const listen = { path: join(dir.path, 'dfdaemon.sock') }
  await using _ = await start({ listen })
  await expect(start({ listen })).rejects.toMatchObject({ code: 'AlreadyRunning' })
  using health = createRpcClient(Health, listen)
  expect((await health.client.check({})).status).toBe(Status.SERVING)
})

test('a file that is not a socket is left alone', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'dfdaemon.sock')
  writeFileSync(path, 'precious')
  await expect(start({ listen: { path } })).rejects.toMatchObject({ code: 'InvalidArgument' })
  expect(existsSync(path)).toBe(true)
})

test('a taken port is AlreadyRunning', async () => {
  await using server = await start()
  await expect(start({ listen: server.endpoint })).rejects.toMatchObject({
    code: 'AlreadyRunning',
  })
})

test('stop ends streams whose handlers read requests, with a status that says try another', async () => {
  const reasons: unknown[] = []
  await using server = await start({
    services: [
      route(Scheduler, {
        async *announcePeer(requests, { signal }) {
          signal.addEventListener('abort', () => reasons.push(signal.reason))
          yield {}
          for await (const _ of requests);
        },
      }),
    ],
    graceMs: 60_000,
  })
  using scheduler = createRpcClient(Scheduler, server.endpoint)
  const call = openBidi(scheduler.client.announcePeer)
  const responses = call.responses[Symbol.asyncIterator]()
  await responses.next()
  const next = responses.next()
  const stopped = server.stop()
  await expect(next).rejects.toMatchObject({
    code: 'PeerUnavailable',
    message: 'the server is shutting down',
  })
  await stopped
  await server.closed
  expect(reasons).toMatchObject([{ message: 'the server is shutting down' }])
})

test('a call under way finishes while the server stops, and no new connection is taken', async () => {
  const entered = deferred()
  const mayFinish = deferred()
  await using server = await start({
    services: [
      route(Scheduler, {
        async announceHost() {
          entered.resolve()
          await mayFinish.promise
          return {}
        },
      }),
    ],
    graceMs: 60_000,
  })
  using channel = openChannel(server.endpoint)
  const call = channel.client(Scheduler).announceHost({})
  await entered.promise
  const stopped = server.stop()
  using late = createRpcClient(Health, server.endpoint)
  await expect(late.client.check({})).rejects.toMatchObject({ code: 'PeerUnavailable' })
  mayFinish.resolve()
  await call
  await stopped
})

test('handlers that do not end are cut after the grace period', async () => {
  const entered = deferred()
  await using server = await start({
    services: [
      route(Scheduler, {
        announceHost() {
          entered.resolve()
          return new Promise(() => {})
        },
      }),
    ],
    graceMs: 20,
  })
  using scheduler = createRpcClient(Scheduler, server.endpoint)
  const call = scheduler.client.announceHost({})
  const outcome = call.catch((err: unknown) => err)
  await entered.promise
  await server.stop()
  expect(await outcome).toMatchObject({ code: 'PeerUnavailable' })
})

test('stopping is idempotent and an idle client does not hold it up', async () => {
  const server = await start({ graceMs: 60_000 })
  using health = createRpcClient(Health, server.endpoint)
  await health.client.check({})
  expect(server.stop()).toBe(server.stop())
  await server.stop()
})

test('a caller that resets or vanishes aborts the handler, it does not look like a half-close', async () => {
  const outcomes: unknown[] = []
  const gone = [deferred(), deferred()]
  await using server = await start({
    services: [
      route(Scheduler, {
        async *announcePeer(requests) {
          yield {}
          try {
            for await (const _ of requests);
            outcomes.push('half-closed')
          } catch (err) {
            outcomes.push(err)
          }
          gone[outcomes.length - 1]?.resolve()
        },
      }),
    ],
  })
  for (const [n, end] of (['abort', 'close'] as const).entries()) {
    using channel = openChannel(server.endpoint)
    const call = openBidi(channel.client(Scheduler).announcePeer)
    await call.responses[Symbol.asyncIterator]().next()
    if (end === 'abort') call.abort()
    else channel.close()
    await gone[n]?.promise
    expect(outcomes[n], end).toMatchObject({ name: 'AbortError' })
  }
})

test('a connection that leaves PINGs unanswered is cut', async () => {
  await using server = await start({ pingIntervalMs: 20, pingTimeoutMs: 20 })
  if (!('port' in server.endpoint)) expect.fail()
  // Speaks the HTTP/2 preface and empty SETTINGS, then nothing.
  const socket = connect(server.endpoint)
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'close')
})
