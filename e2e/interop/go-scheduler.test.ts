import { readFileSync } from 'node:fs'
import { sleep, systemClock } from '@damselfly/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectOriginOnce, fetchFile, publish, sizes } from './files.ts'
import { complaints } from './go-log.ts'
import { type Daemon, type Scheduler, World } from './world.ts'

// Our daemons in a swarm of the real Go scheduler, beside the real Rust daemons.

/** The Go scheduler looks for new seeds that often (trap T13). */
const seedRefreshMs = 31_000

describe('Go scheduler', () => {
  let world: World
  let scheduler: Scheduler
  let ours: Daemon[]
  let rust: Daemon[]

  beforeAll(async () => {
    world = await World.start()
    scheduler = await world.goScheduler()
    const schedulers = [scheduler.address]
    ours = [
      await world.ourDaemon({ name: 'ours-0', schedulers }),
      await world.ourDaemon({ name: 'ours-1', schedulers }),
    ]
    rust = [
      await world.rustDaemon({ name: 'rust-0', schedulers }),
      await world.rustDaemon({ name: 'rust-1', schedulers }),
    ]
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it.each(sizes)('ours from ours [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(ours[0]!, file)
    const { bytesFromPeers } = await fetchFile(ours[1]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('ours from Rust [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(rust[0]!, file)
    const { bytesFromPeers } = await fetchFile(ours[0]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('Rust from ours [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(ours[0]!, file)
    const { bytesFromPeers } = await fetchFile(rust[0]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('Rust and ours at once from Rust and ours [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(ours[0]!, file)
    await fetchFile(rust[0]!, file)
    const results = await Promise.all([fetchFile(ours[1]!, file), fetchFile(rust[1]!, file)])
    expect(results.map(({ bytesFromPeers }) => bytesFromPeers)).toEqual([sizeBytes, sizeBytes])
    expectOriginOnce(world, file)
  })

  it.each(sizes)('our seed triggered by it [%s]', async (_name, sizeBytes) => {
    const schedulers = [scheduler.address]
    const seed = await world.ourDaemon({ name: `seed-${sizeBytes}`, schedulers, isSeed: true })
    await sleep(systemClock, seedRefreshMs)
    const file = await publish(world, sizeBytes)
    const results = await Promise.all([fetchFile(ours[0]!, file), fetchFile(rust[0]!, file)])
    for (const { bytesFromOrigin } of results) expect(bytesFromOrigin).toBe(0)
    expectOriginOnce(world, file)
    await seed.program.stop()
  })

  it('finds nothing to complain about, and our daemons leave it cleanly', async () => {
    for (const daemon of ours) await daemon.program.stop()
    expect(complaints(scheduler.program, /ours-|seed-/)).toEqual([])
    const log = readFileSync(scheduler.program.logPath, 'utf8')
    for (const { name } of ours)
      expect(log).toMatch(new RegExp(`HostId: ?"127.0.0.1-${name}"|127.0.0.1-${name}`))
  })
})
