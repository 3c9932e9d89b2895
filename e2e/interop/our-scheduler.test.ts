import { sha256File } from '@damselfly/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dfget } from './dfget.ts'
import { expectOriginOnce, fetchFile, type Published, publish, sizes } from './files.ts'
import { type Daemon, type Scheduler, World } from './world.ts'

// The real Rust daemons and their dfget in a swarm of our scheduler, beside our daemons.

const MiB = 1024 ** 2

/** Bytes per second at which one connection needs seconds for a file of any size. */
const slowly = (sizeBytes: number): number => Math.round(sizeBytes / 6)

describe('our scheduler', () => {
  let world: World
  let scheduler: Scheduler
  let schedulers: string[]
  let ours: Daemon[]
  let rust: Daemon[]

  beforeAll(async () => {
    world = await World.start()
    scheduler = await world.ourScheduler()
    schedulers = [scheduler.address]
    ours = [
      await world.ourDaemon({ name: 'ours-0', schedulers }),
      await world.ourDaemon({ name: 'ours-1', schedulers }),
    ]
    rust = [
      await world.rustDaemon({ name: 'rust-0', schedulers }),
      await world.rustDaemon({ name: 'rust-1', schedulers }),
      await world.rustDaemon({ name: 'rust-2', schedulers }),
    ]
  })
  afterAll(() => world[Symbol.asyncDispose]())

  async function expectDfget(daemon: Daemon, file: Published): Promise<number> {
    const output = daemon.output(`dfget${file.path.slice(1)}`)
    const { ms, code, text } = await dfget(daemon, file.url, output)
    expect(code, text).toBe(0)
    expect(await sha256File(output), `${daemon.name}: digest`).toBe(file.digest)
    return ms
  }

  it.each(sizes)('dfget through Rust A, then Rust B from A [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await expectDfget(rust[0]!, file)
    await expectDfget(rust[1]!, file)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('Rust from Rust and ours at once [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await fetchFile(ours[0]!, file)
    await fetchFile(rust[0]!, file)
    await expectDfget(rust[1]!, file)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('ours from Rust [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await expectDfget(rust[0]!, file)
    const { bytesFromPeers } = await fetchFile(ours[0]!, file)
    expect(bytesFromPeers).toBe(sizeBytes)
    expectOriginOnce(world, file)
  })

  it.each(sizes)('everybody at once [%s]', async (_name, sizeBytes) => {
    const file = await publish(world, sizeBytes)
    await Promise.all([...ours, ...rust].map((daemon) => fetchFile(daemon, file)))
    expectOriginOnce(world, file)
  })

  it('dfget ends at once at 100 %: the stream is reset behind the final status', async () => {
    const file = await publish(world, 9 * MiB)
    await expectDfget(rust[0]!, file)
    // A client that waits for the reset in vain waits for minutes.
    expect(await expectDfget(rust[1]!, file)).toBeLessThan(5_000)
  })

  it.each(sizes)(
    'a Rust child goes on when its parent is killed [%s]',
    async (_name, sizeBytes) => {
      const options = { schedulers, uploadLimit: `${slowly(sizeBytes)}B` }
      const parent = await world.ourDaemon({ name: `mortal-${sizeBytes}`, ...options })
      const file = await publish(world, sizeBytes)
      await fetchFile(parent, file)
      const done = fetchFile(rust[0]!, file)
      await midway(rust[0]!, file)
      await parent.program.kill()
      await done
    },
  )

  it.each(sizes)('a Rust seed fetches for everybody [%s]', async (_name, sizeBytes) => {
    const seed = await world.rustDaemon({ name: `rseed-${sizeBytes}`, schedulers, isSeed: true })
    const file = await publish(world, sizeBytes)
    const results = await Promise.all([fetchFile(ours[0]!, file), fetchFile(ours[1]!, file)])
    for (const { bytesFromOrigin } of results) expect(bytesFromOrigin).toBe(0)
    expectOriginOnce(world, file)
    await seed.program.stop()
  })

  it.each(sizes)(
    'restarted in mid-download: Rust and ours finish [%s]',
    async (_name, sizeBytes) => {
      const file = await publish(world, sizeBytes, slowly(sizeBytes))
      const downloads = [ours[0]!, rust[0]!].map((daemon) => fetchFile(daemon, file))
      await expect
        .poll(() => world.origin.counters(file.path).bodyBytes, { timeout: 30_000 })
        .toBeGreaterThan(slowly(sizeBytes))
      await scheduler.program.kill()
      await scheduler.program.restart()
      await Promise.all(downloads)
    },
  )

  /** Resolves when the daemon has the first piece. */
  async function midway(daemon: Daemon, file: Published): Promise<void> {
    const seen = Promise.withResolvers<void>()
    daemon
      .download(file.url, {
        onMessage: ({ response }) => {
          if (response.case === 'downloadPieceFinishedResponse') seen.resolve()
        },
      })
      .catch(() => {})
    await seen.promise
  }
})
