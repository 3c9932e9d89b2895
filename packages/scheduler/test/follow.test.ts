import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type FollowRequest, FollowRequestSchema, type FollowResponse } from '@damselfly/api/swarm'
import { type BidiStream, openBidi } from '@damselfly/rpc'
import { expect, test } from 'vitest'
import { AnnouncedPeer, type Clients, connect, host, MIB, start } from './scheduler-fixture.ts'

type Request = NonNullable<MessageInitShape<typeof FollowRequestSchema>['request']>

/** One Follow stream. */
class Follower {
  readonly #stream: BidiStream<FollowRequest, FollowResponse>
  readonly #responses: AsyncIterator<FollowResponse>

  constructor(clients: Clients) {
    this.#stream = openBidi(clients.swarm.follow)
    this.#responses = this.#stream.responses[Symbol.asyncIterator]()
  }

  static async open(clients: Clients, hostId: string): Promise<Follower> {
    const follower = new Follower(clients)
    await follower.say({ case: 'hello', value: { hostId } })
    expect(await follower.hears()).toMatchObject({ case: 'welcome' })
    return follower
  }

  say(request: Request): Promise<void> {
    return this.#stream.send(create(FollowRequestSchema, { request }))
  }

  async hears(): Promise<FollowResponse['response'] | undefined> {
    const { done, value } = await this.#responses.next()
    return done === true ? undefined : value.response
  }

  async holds(peerId: string, pieces?: Uint8Array): Promise<void> {
    const have =
      pieces === undefined
        ? ({ case: 'whole', value: true } as const)
        : ({ case: 'pieces', value: pieces } as const)
    const lengths = { contentLength: BigInt(8 * MIB), pieceLength: BigInt(4 * MIB) }
    const tasks = [{ taskId: 'task', peerId, ...lengths, have }]
    await this.say({ case: 'inventory', value: { tasks } })
    expect(await this.hears()).toMatchObject({ case: 'inventoryTaken', value: { count: 1n } })
  }
}

const ours = (id: string) => {
  const { host: facts, ...rest } = host(id)
  return { ...rest, host: { ...facts, build: { gitVersion: 'damselfly/1' } } }
}

test('reports of several peers and their questions come on one stream of the host', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  for (const id of ['a', 'b', 'c']) await clients.scheduler.announceHost(ours(id))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  await a.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  const other = await Follower.open(clients, 'b')
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  expect((await b.answer())?.case).toBe('normalTaskResponse')
  expect(await other.hears(), 'how to exchange comes beside the parents').toMatchObject({
    case: 'clientParams',
    value: { peerId: 'b/1', concurrency: 2, meanUplink: 125_000_000 },
  })
  await b.say({ case: 'downloadPeerStartedRequest', value: {} })
  const report = { pieces: [0], rate: 5n, seedBytes: 4n, failedParents: ['a/1'] }
  await other.say({
    case: 'reports',
    value: {
      reports: [
        { peerId: 'b/1', ...report },
        { peerId: 'a/1', pieces: [1] },
      ],
    },
  })
  await other.say({ case: 'askParents', value: { peerId: 'b/1' } })
  expect((await b.answer())?.case).toBe('normalTaskResponse')
  const { state } = scheduler.core
  expect(scheduler.core.statPeer('b/1' as never)?.finishedPieces).toBe(1)
  expect(scheduler.core.statPeer('a/1' as never)?.finishedPieces, 'not its peer').toBe(0)
  expect(state.hosts.get('a' as never)?.failures).toBeGreaterThan(0)
})

test('a stream of a host that has not announced itself, or without hello, is refused', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const unknown = new Follower(clients)
  await unknown.say({ case: 'hello', value: { hostId: 'x' } })
  await expect(unknown.hears()).rejects.toMatchObject({ code: 'HostNotFound' })
  const rude = new Follower(clients)
  await rude.say({ case: 'inventory', value: {} })
  await expect(rude.hears()).rejects.toMatchObject({ code: 'InvalidArgument' })
})

test('a newer stream of the host takes over', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(ours('a'))
  const first = await Follower.open(clients, 'a')
  const second = await Follower.open(clients, 'a')
  await expect(first.hears()).rejects.toMatchObject({ code: 'AlreadyRunning' })
  await second.holds('a/1')
})

test('a scheduler that was restarted learns its swarms and sends nobody to the origin', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  for (const id of ['a', 'b', 'c']) await clients.scheduler.announceHost(ours(id))
  const loading = await Follower.open(clients, 'b')
  await loading.holds('b/1', Uint8Array.of(1))
  // The download goes on before the holder of the whole has come back.
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  const seed = await Follower.open(clients, 'a')
  await seed.holds('a/1')
  const answer = await b.answer()
  expect(answer?.case).toBe('normalTaskResponse')
  const c = new AnnouncedPeer(clients, 'c/1')
  await c.register()
  expect((await c.answer())?.case).toBe('normalTaskResponse')
  const { decisions } = await scheduler.metrics
    .getMetricsAsJSON()
    .then((all) => ({ decisions: all.find((m) => m.name.endsWith('decisions_total')) }))
  expect(decisions?.values.map(({ labels }) => labels.result)).toEqual(['normal'])
})
