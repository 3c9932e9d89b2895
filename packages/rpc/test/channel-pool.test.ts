import { Health } from '@damselfly/api/health'
import { silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChannelPool } from '../src/channel-pool.ts'
import { type RpcServer, startRpcServer } from '../src/server.ts'

let server: RpcServer
let address: { host: string; port: number }

beforeEach(async () => {
  server = await startRpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    services: [],
    health: [],
    log: silentLog,
    graceMs: 100,
  })
  address = server.endpoint as { host: string; port: number }
})
afterEach(() => server.stop())

const ask = (pool: ChannelPool) => {
  using lease = pool.acquire(address)
  return lease.channel.client(Health).check({ service: '' })
}

describe('ChannelPool', () => {
  it('gives everybody who calls the same address the same channel', () => {
    const pool = new ChannelPool()
    using a = pool.acquire(address)
    using b = pool.acquire(address)
    using other = pool.acquire({ host: '127.0.0.2', port: 1 })
    expect(a.channel).toBe(b.channel)
    expect(other.channel).not.toBe(a.channel)
    pool.close()
  })

  it('keeps an unused channel for a while, then closes it and opens a new one when asked', async () => {
    const clock = new FakeClock()
    const pool = new ChannelPool({ clock })
    const first = pool.acquire(address)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    await clock.advance(29_000)
    const second = pool.acquire(address)
    expect(second.channel).toBe(first.channel)
    second[Symbol.dispose]()
    await clock.advance(29_000)
    expect(pool.acquire(address).channel).toBe(first.channel)
    await clock.advance(60_000)
    pool.close()
  })

  it('does not close what has been taken again', async () => {
    const clock = new FakeClock()
    const pool = new ChannelPool({ clock })
    pool.acquire(address)[Symbol.dispose]()
    using kept = pool.acquire(address)
    await clock.advance(60_000)
    expect(await kept.channel.client(Health).check({ service: '' })).toBeDefined()
    pool.close()
  })

  it('fails every call after it was closed', async () => {
    const pool = new ChannelPool({ unavailable: 'SchedulerUnavailable' })
    await ask(pool)
    pool.close()
    expect(() => pool.acquire(address)).toThrow('stopping')
  })
})
