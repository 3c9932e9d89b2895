import { createServer } from 'node:net'
import { type Constellation, startConstellation } from '@damselfly/testkit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FakeScheduler } from './fake-scheduler.ts'

// The daemon's first pause after a failure is a second.
const soon = { timeout: 10_000 }

let port: number
let swarm: Constellation

beforeEach(async () => {
  port = await freePort()
  const scheduler = { addrs: [`127.0.0.1:${port}`] }
  swarm = await startConstellation({ scheduler: false, peers: 1, daemonConfig: { scheduler } })
})
afterEach(() => swarm.stop())

it('a scheduler that starts after the daemon soon knows the host', async () => {
  const scheduler = new FakeScheduler()
  await scheduler.start(port)
  await expect.poll(() => scheduler.hosts.length, soon).toBe(1)
  expect(scheduler.hosts[0]?.host?.hostname).toBe('peer-0')
  await scheduler.server.stop()
})

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      )
    })
  })
}
