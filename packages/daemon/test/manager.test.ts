import { create } from '@bufbuild/protobuf'
import {
  type ListSchedulersRequest,
  ListSchedulersResponseSchema,
  Manager,
  SourceType,
} from '@damselfly/api/manager'
import { silentLog } from '@damselfly/core'
import { type RpcServer, route, startRpcServer } from '@damselfly/rpc'
import {
  type Constellation,
  type Origin,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

interface Named {
  ip: string
  port: number
  schedulerClusterId: bigint
}

let origin: Origin
let swarm: Constellation
let manager: RpcServer
let named: Named[]
let asked: ListSchedulersRequest[]

beforeEach(async () => {
  origin = await startOrigin()
  asked = []
  named = []
  manager = await startRpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    log: silentLog,
    health: [],
    graceMs: 100,
    services: [
      route(Manager, {
        listSchedulers: (request) => {
          asked.push(request)
          return create(ListSchedulersResponseSchema, { schedulers: named })
        },
      }),
    ],
  })
  swarm = await startConstellation({
    daemonConfig: { scheduler: { addrs: [] }, dynconfig: { refreshInterval: '50ms' } },
  })
})
afterEach(async () => {
  await swarm.stop()
  await manager.stop()
  await origin.stop()
})

const address = () =>
  'port' in manager.endpoint ? `http://127.0.0.1:${manager.endpoint.port}` : ''
const scheduler = (schedulerClusterId: bigint): Named => {
  const [ip = '', port] = swarm.schedulerAddress.split(':')
  return { ip, port: Number(port), schedulerClusterId }
}
const start = (kind: 'peer' | 'seed', addr = address()) =>
  swarm.start(kind, { config: { manager: { addr } } })
const announced = () => swarm.scheduler!.core.listHosts().length

describe('a daemon with a manager', () => {
  it('takes the schedulers of the first cluster that has a healthy one', async () => {
    const dead = { ip: '127.0.0.1', port: 1, schedulerClusterId: 7n }
    named = [dead, scheduler(1n), { ...dead, schedulerClusterId: 2n }]
    await start('seed')
    await start('peer')
    expect(announced()).toBe(2)
    expect(asked[0]).toMatchObject({
      sourceType: SourceType.SEED_PEER_SOURCE,
      hostname: 'seed-0',
      ip: '127.0.0.1',
      commit: 'unknown',
    })
    expect(asked.some(({ sourceType }) => sourceType === SourceType.PEER_SOURCE)).toBe(true)
  })

  it('joins a scheduler that the manager names later', async () => {
    await start('peer')
    expect(announced()).toBe(0)
    named = [scheduler(1n)]
    await expect.poll(announced).toBe(1)
  })

  it('works without schedulers while the manager is away', async () => {
    const peer = await start('peer', 'http://127.0.0.1:1')
    const { bytesFromOrigin } = await peer.download(origin.put('/f', { sizeBytes: 10, seed: 1 }))
    expect(bytesFromOrigin).toBe(10)
  })

  it('refuses an address that is none', async () => {
    await expect(start('peer', 'manager:65003')).rejects.toMatchObject({ code: 'InvalidConfig' })
  })
})
