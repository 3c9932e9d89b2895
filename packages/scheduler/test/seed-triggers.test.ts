import type { Download } from '@damselfly/api/common'
import { DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { DfError, deferred, silentLog } from '@damselfly/core'
import { route, startRpcServer } from '@damselfly/rpc'
import { expect, test } from 'vitest'
import { AnnouncedPeer, connect, host, MIB, start } from './scheduler-fixture.ts'

/** A seed that keeps each call open until the test ends it. */
async function startSeed(end: Promise<unknown>) {
  const asked = deferred<Download | undefined>()
  const server = await startRpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    health: [],
    graceMs: 100,
    services: [
      route(DfdaemonUpload, {
        async *downloadTask({ download }) {
          asked.resolve(download)
          yield { response: { case: undefined } }
          await end
        },
      }),
    ],
  })
  const port = 'port' in server.endpoint ? server.endpoint.port : 0
  return { port, asked: asked.promise, [Symbol.asyncDispose]: () => server.stop() }
}

test('a seed is called with the peer’s download and becomes its parent', async () => {
  const end = deferred()
  await using seed = await startSeed(end.promise)
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('s', { type: 1, port: seed.port }))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register({
    outputPath: '/tmp/out',
    tag: 'blue',
    range: { start: 0n, length: 100n },
  })
  const asked = await seed.asked
  expect(asked).toMatchObject({
    needBackToSource: true,
    tag: 'blue',
    range: { start: 0n, length: 100n },
  })
  expect(asked?.outputPath).toBeUndefined()

  const s = new AnnouncedPeer(clients, 's/1')
  await s.register({ needBackToSource: true, range: { start: 0n, length: BigInt(4 * MIB) } })
  expect((await s.answer())?.case).toBe('needBackToSourceResponse')
  await s.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  const answer = await a.answer()
  expect(answer).toMatchObject({
    case: 'normalTaskResponse',
    value: { candidateParents: [{ id: 's/1' }] },
  })
  end.resolve()
})

test('a seed that cannot be reached costs nothing but a moment', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('s', { type: 1, port: 1 }))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  expect((await a.answer())?.case).toBe('needBackToSourceResponse')
})

test('a seed whose call fails after a word is followed by the peer itself', async () => {
  const end = deferred()
  end.reject(new DfError('SourceRefused', 'no', { details: { statusCode: 404 } }))
  await using seed = await startSeed(end.promise)
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('s', { type: 1, port: seed.port }))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  expect((await a.answer())?.case).toBe('needBackToSourceResponse')
})
