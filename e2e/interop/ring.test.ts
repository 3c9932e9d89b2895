import { createHash } from 'node:crypto'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { asTaskId, DragonflyRing } from '@damselfly/core'
import { openChannel } from '@damselfly/rpc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectOriginOnce, fetchFile, publish } from './files.ts'
import { startTap, type Tap } from './tap.ts'
import { type Daemon, type Scheduler, World } from './world.ts'

// Several schedulers work only if every daemon asks the same one about a task (interop.md 2.4, trap T18).

const MiB = 1024 ** 2
const schedulerCount = 3
/** Rust's daemons look up the first five hexadecimal digits only: these differ there. */
const taskIds = Array.from({ length: 200 }, (_, index) =>
  createHash('sha256').update(`task ${index}`).digest('hex'),
)

type Start = (world: World, index: number) => Promise<Scheduler>

const oneOfOurs: Start = (world, index) => world.ourScheduler(`scheduler-${index}`)
const oneOfGo: Start = (world, index) => world.goScheduler({ name: `scheduler-${index}` })
const kinds: readonly (readonly [string, Start])[] = [
  ['of ours', oneOfOurs],
  ['of Go', oneOfGo],
  ['of both kinds', (world, index) => (index === 0 ? oneOfOurs : oneOfGo)(world, index)],
]

describe.each(kinds)('three schedulers %s', (_kind, start) => {
  let world: World
  let taps: Tap[]
  let addresses: string[]
  let rust: Daemon
  let ours: Daemon

  beforeAll(async () => {
    world = await World.start()
    taps = []
    for (let index = 0; index < schedulerCount; index++) {
      const tap = await startTap((await start(world, index)).address)
      world.owns(() => tap.stop())
      taps.push(tap)
    }
    addresses = taps.map(({ address }) => address)
    rust = await world.rustDaemon({ name: 'rust', schedulers: addresses })
    ours = await world.ourDaemon({ name: 'ours', schedulers: addresses })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  /** Which schedulers hear of each of the tasks when the daemon is asked about it. */
  async function choices(daemon: Daemon): Promise<string[][]> {
    for (const { seen } of taps) seen.clear()
    using channel = openChannel({ path: daemon.socketPath }, { unavailable: 'DaemonUnavailable' })
    const client = channel.client(DfdaemonDownload)
    for (const taskId of taskIds) {
      // Nobody has it; that somebody was asked is enough.
      await client.statTask({ taskId }).catch(() => {})
    }
    return taskIds.map((id) =>
      taps.filter(({ seen }) => seen.has(id)).map(({ address }) => address),
    )
  }

  it('Rust and ours ask the same one about each of 200 tasks', async () => {
    const ring = new DragonflyRing(addresses, 'raw-octets')
    const expected = taskIds.map((id) => [ring.pick(asTaskId(id))])
    expect(await choices(rust), 'the Rust daemon').toEqual(expected)
    expect(await choices(ours), 'our daemon').toEqual(expected)
  })

  it('files go round whichever scheduler is theirs', async () => {
    for (let index = 0; index < 2 * schedulerCount; index++) {
      const file = await publish(world, 5 * MiB)
      const [first, second] = index % 2 === 0 ? [rust, ours] : [ours, rust]
      await fetchFile(first, file)
      const { bytesFromPeers } = await fetchFile(second, file)
      expect(bytesFromPeers, `${second.name} from ${first.name}`).toBe(file.sizeBytes)
      expectOriginOnce(world, file)
    }
  })
})
