import { loadConfig } from '@damselfly/core/config'
import { expect, test } from 'vitest'
import { schedulerConfigSchema, unusedKeys } from './config.ts'

test('without a file everything has Dragonfly’s defaults', () => {
  const config = loadConfig({ schema: schedulerConfigSchema })
  expect(config).toMatchObject({
    server: { listenIP: '0.0.0.0', port: 8002 },
    scheduler: { algorithm: 'default', gc: { peerTTL: 86_400_000, hostTTL: 3_600_000 } },
    seedPeer: { taskDownloadTimeout: 36_000_000 },
    metrics: { enable: false, addr: ':8000' },
  })
  expect(unusedKeys(config)).toEqual([])
})

test('a Dragonfly file is taken as it is, and what has no effect is named', () => {
  const config = loadConfig({
    schema: schedulerConfigSchema,
    text: `
server: { port: 8002, advertiseIP: 10.0.0.1, requestRateLimit: 4000 }
scheduler: { algorithm: default, backToSourceCount: 200, gc: { hostGCInterval: 5m, peerTTL: 1h } }
database: { redis: { addrs: ['r:6379'] } }
manager: { addr: 'm:65003', schedulerClusterID: 1 }
metrics: { enable: true, addr: ':9000', enableHost: false }
`,
  })
  expect(config.scheduler.gc.peerTTL).toBe(3_600_000)
  expect(unusedKeys(config).sort()).toEqual([
    'database',
    'manager',
    'metrics.enableHost',
    'scheduler.backToSourceCount',
    'scheduler.gc.hostGCInterval',
    'server.requestRateLimit',
  ])
})

test('all problems of a file are told at once', () => {
  const text = `
server: { port: 70000, listenIp: 1.2.3.4 }
scheduler: { algorithm: magic, gc: { peerTTL: 5 } }
metrics: { addr: nowhere }
`
  const load = () => loadConfig({ schema: schedulerConfigSchema, text })
  for (const problem of ['server.port', 'listenIp', 'algorithm', 'peerTTL', 'metrics.addr']) {
    expect(load, problem).toThrow(problem)
  }
})
