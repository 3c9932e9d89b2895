import { seededRandom, silentLog, systemClock, systemDisk, systemNetwork } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { FakeClock } from '@damselfly/core/testing'
import { sourceRegistry } from '@damselfly/sources'
import { PeerLinks } from '@damselfly/transport'
import { expect, it, onTestFinished } from 'vitest'
import { daemonConfigSchema } from '../config.ts'
import { InlinePlane } from '../data/inline-plane.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import { IdleExit } from '../idle-exit.ts'
import { createMetrics } from '../metrics.ts'
import { TrafficMeter } from '../upload/traffic-meter.ts'
import { startUploads } from './uploads.ts'

const idleMs = 1_000
const world = {
  log: silentLog,
  clock: systemClock,
  random: seededRandom(1),
  network: systemNetwork,
  disk: systemDisk,
}

async function setUp(tasks: Pick<LiveTasks, 'get'>) {
  const clock = new FakeClock()
  let isIdle = false
  const idleExit = new IdleExit(
    idleMs,
    () => {
      isIdle = true
    },
    clock,
  )
  const data = new InlinePlane({}, { ...world, sources: sourceRegistry([]) })
  const server = await startUploads(
    loadConfig({
      schema: daemonConfigSchema,
      overrides: { storage: { server: { ip: '127.0.0.1', tcpPort: 0 } } },
    }),
    data,
    {
      log: silentLog,
      tasks: tasks as LiveTasks,
      metrics: createMetrics('test'),
      sent: new TrafficMeter(clock),
      busy: () => idleExit.busy(),
    },
  )
  const links = new PeerLinks({}, world)
  onTestFinished(async () => {
    await links.close()
    await server.stop()
    await data.close()
  })
  const fetch = () =>
    links.fetch({
      peer: { endpoint: server.endpoint },
      family: 'standard',
      taskId: 'a'.repeat(64),
      number: 0,
      expectedLength: 3,
      sink: { write: async () => {} },
    })
  return { clock, fetch, isIdle: () => isIdle }
}

it('keeps a daemon alive while a piece is being sent, however long that takes', async () => {
  const reading = Promise.withResolvers<void>()
  const disk = Promise.withResolvers<number>()
  const stored = {
    piece: () => ({
      number: 0,
      offset: 0,
      length: 3,
      digest: 'crc32:0',
      blake3: new Uint8Array(32),
      parentId: '',
      costMs: 1,
      createdAt: 0,
    }),
    lease: () => ({ [Symbol.dispose]: () => {} }),
    read: () => {
      reading.resolve()
      return disk.promise
    },
  }
  const { clock, fetch, isIdle } = await setUp({ get: () => ({ stored }) as never })
  const fetched = fetch()
  await reading.promise
  await clock.advance(10 * idleMs)
  expect(isIdle()).toBe(false)
  disk.resolve(3)
  await fetched
  // The timer is armed again when the piece has been released.
  await expect.poll(() => clock.pending).toBe(1)
  await clock.advance(idleMs)
  expect(isIdle()).toBe(true)
})

it('is done with a piece that is not here', async () => {
  const { clock, fetch, isIdle } = await setUp({ get: () => undefined })
  await expect(fetch()).rejects.toMatchObject({ code: 'PieceNotFound' })
  await clock.advance(idleMs)
  expect(isIdle()).toBe(true)
})
