import { Peer } from '@damselfly/api/peer'
import { DfError, deferred, type Endpoint, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { ChannelPool, type Routes, type RpcServer, route, startRpcServer } from '@damselfly/rpc'
import type { PeerFeatures } from '@damselfly/transport'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describePeer, PeerDirectory } from './describe-peer.ts'

const never = new AbortController().signal
const tls = { port: 4443, fingerprint: 'ab'.repeat(32) }

let clock: FakeClock
let channels: ChannelPool
let directory: PeerDirectory
let server: RpcServer | undefined

beforeEach(() => {
  clock = new FakeClock()
  channels = new ChannelPool()
  directory = new PeerDirectory({ channels, clock })
})
afterEach(async () => {
  channels.close()
  await server?.stop()
  server = undefined
})

async function serve(services: Routes): Promise<{ host: string; port: number }> {
  const listen: Endpoint = { host: '127.0.0.1', port: 0 }
  server = await startRpcServer({ listen, services, log: silentLog, health: [], graceMs: 50 })
  return server.endpoint as { host: string; port: number }
}

/** A peer whose answer the test gives, with the number of times it was asked. */
function peer(answer: () => ReturnType<ReturnType<typeof describePeer>>) {
  const asked = { times: 0 }
  const services = [
    route(Peer, {
      describe: () => {
        asked.times += 1
        return answer()
      },
    }),
  ]
  return { asked, services }
}

const described = (features: PeerFeatures) => () => describePeer(features)({} as never, {} as never)

it.each<[string, PeerFeatures, PeerFeatures]>([
  ['everything', { keepAlive: true, tls, zstd: true }, { keepAlive: true, tls, zstd: true }],
  ['little', { keepAlive: false }, { keepAlive: false, zstd: false }],
])('a peer that offers %s says so', async (_, offered, told) => {
  const control = await serve([route(Peer, { describe: describePeer(offered) })])
  expect(await directory.describe(control, never)).toEqual(told)
})

it('reads the features when it is asked: ports are known late', async () => {
  const features = { keepAlive: true, tls: { ...tls, port: 0 } }
  const control = await serve([route(Peer, { describe: describePeer(features) })])
  expect((await directory.describe(control, never))?.tls).toBeUndefined()
  features.tls.port = 7
  directory.forget(control)
  expect((await directory.describe(control, never))?.tls?.port).toBe(7)
})

it.each([
  ['a port that is none', { tlsPort: 70_000, tlsFingerprint: new Uint8Array(32) }],
  ['no certificate', { tlsPort: 4443, tlsFingerprint: new Uint8Array(0) }],
])('TLS with %s is none', async (_, answer) => {
  const control = await serve(peer(() => ({ keepAlive: true, ...answer })).services)
  expect(await directory.describe(control, never)).toEqual({ keepAlive: true, zstd: false })
})

it('one of Dragonfly’s peers offers nothing, and is not asked again for a minute', async () => {
  let times = 0
  const control = await serve(
    peer(() => {
      times += 1
      throw new DfError('Unimplemented', 'no such method')
    }).services,
  )
  expect(await directory.describe(control, never)).toBeUndefined()
  expect(await directory.describe(control, never)).toBeUndefined()
  expect(times).toBe(1)
})

it('a peer without the service offers nothing', async () => {
  const control = await serve([])
  expect(await directory.describe(control, never)).toBeUndefined()
})

it('asks once for all who want to know, and again after a minute', async () => {
  const { asked, services } = peer(described({ keepAlive: true }))
  const control = await serve(services)
  await Promise.all([directory.describe(control, never), directory.describe(control, never)])
  await clock.advance(59_999)
  await directory.describe(control, never)
  expect(asked.times).toBe(1)
  await clock.advance(1)
  await directory.describe(control, never)
  expect(asked.times).toBe(2)
  expect(clock.pending).toBe(0)
})

it('asks again over another channel: the host may be another one', async () => {
  const { asked, services } = peer(described({ keepAlive: true }))
  const control = await serve(services)
  let pool = channels
  const moving = new PeerDirectory({ channels: { acquire: (e) => pool.acquire(e) }, clock })
  await moving.describe(control, never)
  pool = new ChannelPool()
  await moving.describe(control, never)
  expect(asked.times).toBe(2)
  pool.close()
})

it('a failure is told and not remembered', async () => {
  let answer = (): ReturnType<ReturnType<typeof describePeer>> => {
    throw new DfError('Overloaded', 'not now')
  }
  const control = await serve(peer(() => answer()).services)
  await expect(directory.describe(control, never)).rejects.toMatchObject({ code: 'Overloaded' })
  answer = described({ keepAlive: true })
  expect(await directory.describe(control, never)).toMatchObject({ keepAlive: true })
})

it('a peer that cannot be reached is unavailable', async () => {
  await expect(directory.describe({ host: '127.0.0.1', port: 1 }, never)).rejects.toMatchObject({
    code: 'PeerUnavailable',
  })
})

it('a peer that does not answer is given up after two seconds', async () => {
  const asked = deferred()
  const control = await serve(
    peer(() => {
      asked.resolve()
      return new Promise(() => {})
    }).services,
  )
  const waiting = expect(directory.describe(control, never)).rejects
  const failed = waiting.toMatchObject({ code: 'Timeout' })
  await asked.promise
  await clock.advance(2_000)
  await failed
  expect(clock.pending).toBe(0)
})

it('an abort is only one’s own', async () => {
  const answer = deferred<Awaited<ReturnType<ReturnType<typeof describePeer>>>>()
  const asked = deferred()
  const control = await serve(
    peer(() => {
      asked.resolve()
      return answer.promise
    }).services,
  )
  const controller = new AbortController()
  const leaving = directory.describe(control, controller.signal)
  const staying = directory.describe(control, never)
  await asked.promise
  controller.abort(new Error('enough'))
  await expect(leaving).rejects.toThrow('enough')
  answer.resolve({ keepAlive: true })
  expect(await staying).toMatchObject({ keepAlive: true })
  await expect(directory.describe(control, controller.signal)).rejects.toThrow('enough')
})
