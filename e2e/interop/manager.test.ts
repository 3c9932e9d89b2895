import { Manager as ManagerService, SourceType } from '@damselfly/api/manager'
import { Scheduler as SchedulerService } from '@damselfly/api/scheduler'
import { sleep, systemClock } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectOriginOnce, fetchFile, publish, sizes } from './files.ts'
import { complaints } from './go-log.ts'
import { type Daemon, type Manager, type Scheduler, World } from './world.ts'

// The real Go manager names the real Go scheduler to our daemons and to the real Rust ones.

/** The Go scheduler looks for new seeds that often (trap T13). */
const seedRefreshMs = 31_000
const startTimeoutMs = 120_000

describe('Go manager and scheduler', () => {
  let world: World
  let manager: Manager
  let scheduler: Scheduler
  let ours: Daemon[]
  let rust: Daemon[]
  let under: { manager: string }

  beforeAll(async () => {
    world = await World.start()
    manager = await world.goManager()
    scheduler = await world.goScheduler({ manager: manager.address, redis: manager.redis })
    await vi.waitFor(() => expectActiveScheduler(manager), { timeout: 30_000, interval: 200 })
    under = { manager: `http://${manager.address}` }
    ours = [
      await world.ourDaemon({ name: 'ours-0', ...under }),
      await world.ourDaemon({ name: 'ours-1', ...under }),
    ]
    rust = [await world.rustDaemon({ name: 'rust-0', ...under })]
  }, startTimeoutMs)
  afterAll(() => world[Symbol.asyncDispose]())

  it.each(sizes)('ours from Rust [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(rust[0]!, file)
    const { bytesFromPeers } = await fetchFile(ours[0]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('Rust from ours [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(ours[1]!, file)
    const { bytesFromPeers } = await fetchFile(rust[0]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('our seed triggered by it [%s]', async (_name, sizeBytes) => {
    const seed = await world.ourDaemon({ name: `ours-seed-${sizeBytes}`, ...under, isSeed: true })
    await sleep(systemClock, seedRefreshMs)
    const file = await publish(world, sizeBytes)
    const results = await Promise.all([fetchFile(ours[0]!, file), fetchFile(rust[0]!, file)])
    for (const { bytesFromOrigin } of results) expect(bytesFromOrigin).toBe(0)
    expectOriginOnce(world, file)
    await seed.program.stop()
  })

  it('our daemons leave cleanly, and neither found anything to complain about', async () => {
    expect(await hosts(scheduler)).toEqual(['ours-0', 'ours-1', 'rust-0'])
    for (const daemon of ours) await daemon.program.stop()
    expect(await hosts(scheduler)).toEqual(['rust-0'])
    for (const { program } of [manager, scheduler])
      expect(complaints(program, /ours-/), program.name).toEqual([])
  })
})

/** Until it is active the manager says `NotFound`, and no daemon would find it. */
async function expectActiveScheduler({ port }: Manager): Promise<void> {
  using channel = openChannel({ host: '127.0.0.1', port }, { unavailable: 'SchedulerUnavailable' })
  const { schedulers } = await channel.client(ManagerService).listSchedulers({
    sourceType: SourceType.PEER_SOURCE,
    hostname: 'nobody',
    ip: '127.0.0.1',
    version: '1',
    commit: 'none',
  })
  expect(schedulers).toHaveLength(1)
}

async function hosts({ address }: Scheduler): Promise<string[]> {
  const [host = '', port] = address.split(':')
  const endpoint = { host, port: Number(port) }
  using channel = openChannel(endpoint, { unavailable: 'SchedulerUnavailable' })
  const answer = await channel.client(SchedulerService).listHosts({})
  return answer.hosts.map(({ hostname }) => hostname).sort()
}
