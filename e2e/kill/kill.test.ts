import { fileURLToPath } from 'node:url'
import {
  type DaemonProcess,
  type DownloadResult,
  type Origin,
  type ProcessSwarm,
  type ProcessSwarmOptions,
  sha256File,
  startOrigin,
  startProcessSwarm,
} from '@damselfly/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

// kill -9 of each role in mid-download: every surviving download finishes with the right bytes.

const program = (name: string): string[] => [
  process.execPath,
  fileURLToPath(new URL(`../../packages/cli/bin/${name}.js`, import.meta.url)),
]
const commands = { scheduler: program('scheduler'), dfdaemon: program('dfdaemon') }
const MiB = 1024 * 1024
const size = 96 * MiB
const pieces = size / (4 * MiB)

let origin: Origin
let swarm: ProcessSwarm | undefined
let files = 0

beforeAll(async () => {
  origin = await startOrigin()
})
afterEach(async () => {
  await swarm?.stop()
  swarm = undefined
})
afterAll(() => origin.stop())

const start = (options: Omit<ProcessSwarmOptions, 'commands'>) =>
  startProcessSwarm({ commands, ...options }).then((started) => {
    swarm = started
    return started
  })

/** An object that takes the origin some seconds to send. */
function publish({ bytesPerSec }: { bytesPerSec?: number } = {}): { path: string; url: string } {
  files += 1
  const path = `/file-${files}`
  const url = origin.put(path, { sizeBytes: size, seed: files })
  if (bytesPerSec !== undefined) origin.misbehave(path, { kind: 'slow', bytesPerSec })
  return { path, url }
}

/** Starts a download and tells when it is in the middle. */
function begin(daemon: DaemonProcess, url: string) {
  const half = Promise.withResolvers<void>()
  let count = 0
  const done = daemon.download(url, {
    outputPath: daemon.output(`out-${files}`),
    onMessage: ({ response }) => {
      if (response.case === 'downloadPieceFinishedResponse') count += 1
      if (count === 4) half.resolve()
    },
  })
  done.catch(half.reject)
  half.promise.catch(() => {})
  return { half: half.promise, done, count: () => count }
}

async function expectOutput(daemon: DaemonProcess, path: string): Promise<void> {
  expect(await sha256File(daemon.output(`out-${files}`)), daemon.name).toBe(
    await origin.digest(path),
  )
}

const slowUploads = { upload: { server: { ip: '127.0.0.1', port: 0 }, bandwidthLimit: '24MiB' } }

describe('kill -9 in mid-download', () => {
  it('of a parent: its children finish', async () => {
    const { peers } = await start({ peers: 4, seeds: 1, daemonConfig: slowUploads })
    const { path, url } = publish()
    const [parent, ...children] = peers as [DaemonProcess, ...DaemonProcess[]]
    await parent.download(url)
    const downloads = children.map((child) => begin(child, url))
    await Promise.all(downloads.map(({ half }) => half))
    await parent.kill()
    await Promise.all(downloads.map(({ done }) => done))
    for (const child of children) await expectOutput(child, path)
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(size * 1.02)
  })

  it('of the seed: the peers finish, and the origin is asked for the rest only', async () => {
    const { peers, seeds } = await start({ peers: 4, seeds: 1 })
    const { path, url } = publish({ bytesPerSec: 24 * MiB })
    const downloads = peers.map((peer) => begin(peer, url))
    await Promise.all(downloads.map(({ half }) => half))
    await seeds[0]?.kill()
    await Promise.all(downloads.map(({ done }) => done))
    for (const peer of peers) await expectOutput(peer, path)
    expect(origin.counters(path).bodyBytes).toBeLessThan(size * 2)
  })

  it('of one of two seeds: the other one takes over', async () => {
    const { peers, seeds } = await start({ peers: 3, seeds: 2 })
    const { path, url } = publish({ bytesPerSec: 24 * MiB })
    const downloads = peers.map((peer) => begin(peer, url))
    await Promise.all(downloads.map(({ half }) => half))
    const sources = await Promise.all(seeds.map((seed) => fromOrigin(seed)))
    await seeds[sources[0]! > 0 ? 0 : 1]?.kill()
    const results: DownloadResult[] = await Promise.all(downloads.map(({ done }) => done))
    for (const peer of peers) await expectOutput(peer, path)
    expect(results.map(({ bytesFromOrigin }) => bytesFromOrigin)).toEqual([0, 0, 0])
  })

  it('of the scheduler: downloads under way finish', async () => {
    const { peers, scheduler } = await start({ peers: 4, seeds: 1 })
    const { path, url } = publish({ bytesPerSec: 32 * MiB })
    const downloads = peers.map((peer) => begin(peer, url))
    await Promise.all(downloads.map(({ half }) => half))
    await scheduler?.kill()
    await Promise.all(downloads.map(({ done }) => done))
    for (const peer of peers) await expectOutput(peer, path)
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(size * 1.02)
  })

  it('of the scheduler that comes back: downloads under way finish, new ones work', async () => {
    const { peers, scheduler } = await start({ peers: 4, seeds: 1 })
    const { path, url } = publish({ bytesPerSec: 32 * MiB })
    const downloads = peers.slice(0, 3).map((peer) => begin(peer, url))
    await Promise.all(downloads.map(({ half }) => half))
    await scheduler?.kill()
    await scheduler?.restart()
    const late = begin(peers[3]!, url)
    await Promise.all([...downloads, late].map(({ done }) => done))
    for (const peer of peers) await expectOutput(peer, path)
    // The one that comes before anybody has announced itself again finds an empty scheduler.
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(size * 2.02)
  })

  it('of a child: it resumes and does not fetch again what it had', async () => {
    const { peers } = await start({ peers: 2, seeds: 1, daemonConfig: slowUploads })
    const { path, url } = publish()
    const [parent, child] = peers as [DaemonProcess, DaemonProcess]
    await parent.download(url)
    const first = begin(child, url)
    await first.half
    await child.kill()
    await expect(first.done).rejects.toMatchObject({ code: 'DaemonUnavailable' })
    const had = first.count()
    expect(had).toBeLessThan(pieces)
    await child.restart()
    const again = await child.download(url, { outputPath: child.output(`out-${files}`) })
    expect(again.bytesFromCache).toBeGreaterThanOrEqual(had * 4 * MiB)
    expect(again.bytesFromCache + again.bytesFromPeers + again.bytesFromSeeds).toBe(size)
    await expectOutput(child, path)
    expect(origin.counters(path).bodyBytes).toBeLessThanOrEqual(size * 1.02)
  })
})

/** Bytes that a daemon says it read from origins. */
async function fromOrigin({ metricsUrl }: DaemonProcess): Promise<number> {
  const text = await (await fetch(metricsUrl)).text()
  return Number(/download_traffic\{type="BACK_TO_SOURCE"\} (\d+)/.exec(text)?.[1] ?? 0)
}
