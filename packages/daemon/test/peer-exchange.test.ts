import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type ExchangeHelloSchema,
  type ExchangeMessage,
  ExchangeMessageSchema,
  Peer,
} from '@damselfly/api/peer'
import { type BidiStream, openBidi, openChannel, type RpcChannel } from '@damselfly/rpc'
import {
  type Constellation,
  type DownloadResult,
  type Member,
  type Origin,
  startConstellation,
  startOrigin,
} from '@damselfly/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

// What another host meets that exchanges pieces with a daemon, friend or foe.

const MiB = 1024 * 1024
let origin: Origin
let swarm: Constellation
let member: Member
let remote: RpcChannel
let held: DownloadResult

beforeAll(async () => {
  origin = await startOrigin()
})
afterAll(() => origin.stop())
beforeEach(async () => {
  swarm = await startConstellation({ scheduler: false, peers: 1 })
  member = swarm.peers[0]!
  remote = openChannel(member.daemon.endpoints.grpc)
  held = await member.download(origin.put('/f', { sizeBytes: 9 * MiB, seed: 1 }))
})
afterEach(async () => {
  remote.close()
  await swarm.stop()
})

type Said = Exclude<MessageInitShape<typeof ExchangeMessageSchema>, ExchangeMessage>['message']

class Stranger {
  readonly #call: BidiStream<ExchangeMessage, ExchangeMessage>
  readonly #heard: AsyncIterator<ExchangeMessage>

  constructor() {
    this.#call = openBidi<ExchangeMessage, ExchangeMessage>(remote.client(Peer).exchange)
    this.#heard = this.#call.responses[Symbol.asyncIterator]()
  }

  say(message: NonNullable<Said>): void {
    this.#call.send(create(ExchangeMessageSchema, { message })).catch(() => {})
  }

  hello(changes: Partial<MessageInitShape<typeof ExchangeHelloSchema>> = {}): void {
    this.say({
      case: 'hello',
      value: {
        taskId: held.taskId,
        hostId: 'stranger',
        peerId: 'stranger-peer',
        contentLength: BigInt(9 * MiB),
        pieceLength: BigInt(4 * MiB),
        ip: '127.0.0.1',
        port: 1,
        piecePort: 1,
        ...changes,
      } as MessageInitShape<typeof ExchangeHelloSchema>,
    })
  }

  /** The next message; `undefined` at the end. Rejects as the call does. */
  async hear(): Promise<ExchangeMessage['message'] | undefined> {
    const { value, done } = await this.#heard.next()
    return done === true ? undefined : value.message
  }

  leave(): void {
    this.#call.abort()
  }
}

describe('a daemon that is asked to exchange pieces', () => {
  it('says who it is and what it holds, and grants', async () => {
    const stranger = new Stranger()
    stranger.hello()
    const { identity } = member.daemon
    expect(await stranger.hear()).toMatchObject({
      case: 'hello',
      value: { taskId: held.taskId, hostId: identity.id, isSeed: false },
    })
    expect(await stranger.hear()).toMatchObject({
      case: 'inventory',
      value: Uint8Array.of(7, 0, 0, 0),
    })
    expect(await stranger.hear()).toMatchObject({ case: 'downloading', value: { isActive: false } })
    stranger.say({ case: 'interested', value: {} })
    expect(await stranger.hear()).toMatchObject({ case: 'grant' })
    stranger.leave()
  })

  it('lets go of a neighbour that has all when it needs nothing itself', async () => {
    const stranger = new Stranger()
    stranger.hello()
    stranger.say({ case: 'inventory', value: Uint8Array.of(7) })
    while ((await stranger.hear()) !== undefined);
  })

  it('does not have a task that it does not have', async () => {
    const stranger = new Stranger()
    stranger.hello({ taskId: 'f'.repeat(64) })
    await expect(stranger.hear()).rejects.toMatchObject({ code: 'TaskNotFound' })
  })

  it.each([
    ['that begins with something else', (s: Stranger) => s.say({ case: 'interested', value: {} })],
    ['with another content', (s: Stranger) => s.hello({ contentLength: 5n })],
    ['with other pieces', (s: Stranger) => s.hello({ pieceLength: 5n })],
    ['without a name', (s: Stranger) => s.hello({ hostId: '' })],
    ['with its own name', (s: Stranger) => s.hello({ hostId: member.daemon.identity.id })],
    ['without an address', (s: Stranger) => s.hello({ ip: 'example.org' })],
    ['without a port', (s: Stranger) => s.hello({ piecePort: 70_000 })],
  ])('refuses a stranger %s', async (_, act) => {
    const stranger = new Stranger()
    act(stranger)
    await expect(stranger.hear()).rejects.toMatchObject({ name: 'DfError' })
  })

  it.each([
    ['pieces that do not exist', { case: 'have', value: { numbers: [3] } }],
    ['a long inventory', { case: 'inventory', value: new Uint8Array(100) }],
    ['an impossible request', { case: 'taking', value: { piece: 9 } }],
    ['an impossible grant', { case: 'grant', value: { piece: 9 } }],
  ] as const)('leaves a neighbour that tells of %s', async (_, message) => {
    const stranger = new Stranger()
    stranger.hello()
    while ((await stranger.hear())?.case !== 'downloading');
    stranger.say(message as NonNullable<Said>)
    await expect(stranger.hear()).rejects.toMatchObject({ name: 'DfError' })
  })

  it('serves on when a neighbour says what makes no sense', async () => {
    const stranger = new Stranger()
    stranger.hello()
    while ((await stranger.hear())?.case !== 'downloading');
    for (const message of [
      { case: 'ended', value: {} },
      { case: 'decline', value: { isFull: true } },
      { case: 'grant', value: {} },
      { case: 'taking', value: { piece: 1 } },
      { case: 'sending', value: {} },
      { case: 'lost', value: { numbers: [0] } },
      { case: 'givenUp', value: { numbers: [0] } },
      { case: 'hello', value: {} },
      { case: undefined },
    ] as const) {
      stranger.say(message as NonNullable<Said>)
    }
    expect(await stranger.hear()).toMatchObject({ case: 'decline', value: { isFull: false } })
    stranger.say({ case: 'interested', value: {} })
    expect(await stranger.hear()).toMatchObject({ case: 'grant' })
    stranger.leave()
  })

  it('keeps the newer one of two links with the same host', async () => {
    const first = new Stranger()
    first.hello()
    while ((await first.hear())?.case !== 'downloading');
    const second = new Stranger()
    second.hello()
    expect(await first.hear()).toBeUndefined()
    expect(await second.hear()).toMatchObject({ case: 'hello' })
    second.leave()
  })
})
