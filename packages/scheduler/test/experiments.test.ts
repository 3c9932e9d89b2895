import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Experiments } from '@damselfly/api/experiment'
import { systemDisk } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { openChannel } from '@damselfly/rpc'
import { expect, onTestFinished, test } from 'vitest'
import type { RunningScheduler } from '../src/index.ts'
import { AnnouncedPeer, type Clients, connect, host, piece, start } from './scheduler-fixture.ts'

const spec = { name: 'same', minPeers: 2, candidates: [{ name: 'also-same', client: {} }] }

function connectExperiments(scheduler: RunningScheduler) {
  const channel = openChannel(scheduler.endpoint)
  onTestFinished(() => channel.close())
  return channel.client(Experiments)
}

async function finishAtOrigin(peer: AnnouncedPeer): Promise<void> {
  await peer.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  for (const number of [0, 1]) {
    const value = { piece: piece(number) }
    await peer.say({ case: 'downloadPieceBackToSourceFinishedRequest', value })
  }
  await peer.say({ case: 'downloadPeerBackToSourceFinishedRequest', value: {} })
  expect(await peer.answer()).toBeUndefined()
}

async function finishAtPeer(peer: AnnouncedPeer, parentId: string): Promise<void> {
  await peer.say({ case: 'downloadPeerStartedRequest', value: {} })
  for (const number of [0, 1]) {
    const value = { piece: piece(number, parentId) }
    await peer.say({ case: 'downloadPieceFinishedRequest', value })
  }
  await peer.say({ case: 'downloadPeerFinishedRequest', value: {} })
  expect(await peer.answer()).toBeUndefined()
}

/** Two hosts: `a` takes the content from the origin in three seconds, then `b` from `a` in two. */
async function runSwarm(clients: Clients, clock: FakeClock): Promise<void> {
  for (const id of ['a', 'b']) await clients.scheduler.announceHost(host(id))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  expect((await a.answer())?.case).toBe('needBackToSourceResponse')
  await clock.advance(3_000)
  await finishAtOrigin(a)
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  expect((await b.answer())?.case).toBe('normalTaskResponse')
  await clock.advance(2_000)
  await finishAtPeer(b, 'a/1')
}

async function setUp(config: Record<string, unknown>) {
  const clock = new FakeClock()
  const dir = await mkdtemp(join(tmpdir(), 'experiments-'))
  onTestFinished(() => systemDisk.remove(dir))
  const experiment = { dir, ...config }
  return { clock, open: () => start({ scheduler: { experiment } }, { clock }) }
}

test('a swarm of an experiment is summed up when its downloads have ended, and remembered', async () => {
  const { clock, open } = await setUp({})
  {
    await using scheduler = await open()
    const experiments = connectExperiments(scheduler)
    expect((await experiments.getExperiment({})).status).toBeUndefined()
    await experiments.startExperiment({ experiment: spec })
    using clients = connect(scheduler)
    await runSwarm(clients, clock)
    await clock.advance(12_000)

    const { records } = await experiments.listSwarmRecords({})
    expect(records).toMatchObject([
      {
        arm: expect.stringMatching(/^(control|also-same)$/),
        taskId: 'task',
        peers: 2n,
        failedPeers: 0n,
        pieceCount: 2n,
        meanSeconds: 2.5,
        p99Seconds: 3,
        bytes: { origin: BigInt(8 << 20), near: BigInt(8 << 20), seed: 0n, far: 0n },
        crossIdcBytes: 0n,
      },
    ])
    const { status } = await experiments.getExperiment({})
    expect(status).toMatchObject({ isRunning: true, swarms: 1n })
  }
  await using again = await open()
  const { status } = await connectExperiments(again).getExperiment({})
  expect(status).toMatchObject({ experiment: { name: 'same' }, isRunning: true, swarms: 1n })
})

test('a swarm that was born before the experiment takes no part', async () => {
  const { clock, open } = await setUp({})
  await using scheduler = await open()
  using clients = connect(scheduler)
  const experiments = connectExperiments(scheduler)
  await clients.scheduler.announceHost(host('early'))
  const early = new AnnouncedPeer(clients, 'early/1')
  await early.register()
  await early.answer()
  await experiments.startExperiment({ experiment: spec })
  await finishAtOrigin(early)
  await clock.advance(20_000)
  expect((await experiments.listSwarmRecords({})).records).toEqual([])
})

test('records come in pages, and a strange page token is refused', async () => {
  const { open } = await setUp({ run: spec })
  await using scheduler = await open()
  const experiments = connectExperiments(scheduler)
  const refusal = experiments.listSwarmRecords({ pageToken: 'x' })
  await expect(refusal).rejects.toMatchObject({ code: 'InvalidArgument' })
  const empty = await experiments.listSwarmRecords({ pageSize: 5, pageToken: '7' })
  expect(empty).toMatchObject({ records: [], nextPageToken: '' })
})

test('a policy on trial is asked and not obeyed', async () => {
  const { clock, open } = await setUp({ shadow: { policy: { name: 'random' }, share: 1 } })
  await using scheduler = await open()
  using clients = connect(scheduler)
  await runSwarm(clients, clock)
  const { shadow } = await connectExperiments(scheduler).getExperiment({})
  expect(shadow).toMatchObject({ candidate: 'random', overlap: 1, failures: 0n })
  expect(shadow?.decisions).toBeGreaterThan(0n)
})
