import { setTimeout } from 'node:timers/promises'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import {
  type AnnouncePeerRequest,
  AnnouncePeerRequestSchema,
  type AnnouncePeerResponse,
  Scheduler,
} from '@damselfly/api/scheduler'
import {
  type FollowRequest,
  FollowRequestSchema,
  type FollowResponse,
  Swarm,
} from '@damselfly/api/swarm'
import { type BidiStream, openBidi, openChannel } from '@damselfly/rpc'

// Hosts with their peers, as the scheduler hears them. One process of several.

export interface LoadShape {
  readonly port: number
  /** Distinguishes the hosts of several processes. */
  readonly name: string
  readonly hosts: number
  readonly peersPerHost: number
  /** Reports of each peer. */
  readonly rounds: number
}

const pieceLength = 4 * 1024 ** 2
const paceMs = 250
const pacedRounds = 16
const pieceCount = 256
const taskId = 'a'.repeat(64)

/** What the parent process says; each is answered when it is done. */
export type LoadCommand = 'connect' | 'register' | 'report' | 'pace'

const shape: LoadShape = JSON.parse(process.argv[2] ?? '')
const hosts = Array.from({ length: shape.hosts }, (_, i) =>
  createHost(`10.1.2.3-${shape.name}-${i}`),
)
const commands: Readonly<Record<LoadCommand, () => Promise<unknown>>> = {
  connect: () => Promise.all(hosts.map((host) => host.connect())),
  register: () => Promise.all(hosts.map((host) => host.register())),
  report: () => Promise.all(hosts.map((host) => host.report())),
  pace: () => Promise.all(hosts.map((host, i) => host.pace((i / hosts.length) * paceMs))),
}
process.on('message', async (command: LoadCommand) => {
  await commands[command]()
  process.send?.('done')
})
process.once('disconnect', () => process.exit())
process.send?.('ready')

function createHost(hostId: string) {
  const channel = openChannel({ host: '127.0.0.1', port: shape.port })
  const peerIds = Array.from({ length: shape.peersPerHost }, (_, i) =>
    `${hostId}-${i}`.padEnd(64, '0'),
  )
  let follow: BidiStream<FollowRequest, FollowResponse> | undefined
  const peers: BidiStream<AnnouncePeerRequest, AnnouncePeerResponse>[] = []

  async function connect(): Promise<void> {
    await channel.client(Scheduler).announceHost(hostMessage(hostId))
    follow = openBidi(channel.client(Swarm).follow)
    void drain(follow.responses)
    await send({ case: 'hello', value: { hostId } })
    await send({
      case: 'inventory',
      value: { tasks: shape.name === 'seed' ? [whole(hostId)] : [] },
    })
  }

  async function send(request: MessageInitShape<typeof FollowRequestSchema>['request']) {
    if (request !== undefined) await follow?.send(create(FollowRequestSchema, { request }))
  }

  async function register(): Promise<void> {
    await Promise.all(peerIds.map((peerId) => registerPeer(hostId, peerId)))
  }

  /** Until it has its parents, and has said that it begins. */
  async function registerPeer(host: string, peerId: string): Promise<void> {
    const stream = openBidi(channel.client(Scheduler).announcePeer)
    peers.push(stream)
    const ids = { hostId: host, taskId, peerId }
    const value = { download: downloadMessage }
    await stream.send(
      create(AnnouncePeerRequestSchema, {
        ...ids,
        request: { case: 'registerPeerRequest', value },
      }),
    )
    const { value: answer } = await stream.responses[Symbol.asyncIterator]().next()
    if (answer?.response.case !== 'normalTaskResponse') throw new Error('no parents')
    await stream.send(
      create(AnnouncePeerRequestSchema, {
        ...ids,
        request: { case: 'downloadPeerStartedRequest', value: {} },
      }),
    )
  }

  /** All rounds at once. */
  async function report(): Promise<void> {
    for (let round = 0; round < shape.rounds; round++) await sendReports(round)
    await barrier()
  }

  /** As many as daemons would send that report four times a second, and not at the same moment. */
  async function pace(delayMs: number): Promise<void> {
    await setTimeout(delayMs)
    for (let round = 0; round < pacedRounds; round++) {
      await sendReports(round)
      await setTimeout(paceMs)
    }
    await barrier()
  }

  async function sendReports(round: number): Promise<void> {
    const pieces = Array.from({ length: 8 }, (_, i) => (round * 8 + i) % pieceCount)
    const reports = peerIds.map((peerId) => ({
      peerId,
      pieces,
      rate: 100_000_000n,
      nearBytes: 30_000_000n,
      farBytes: 3_000_000n,
    }))
    await send({ case: 'reports', value: { reports } })
  }

  /** An inventory is answered after all that was sent before it. */
  async function barrier(): Promise<void> {
    const taken = new Promise<void>((resolve) => waiting.push(resolve))
    await send({ case: 'inventory', value: { tasks: [] } })
    await taken
  }

  const waiting: (() => void)[] = []

  async function drain(responses: AsyncIterable<FollowResponse>): Promise<void> {
    for await (const { response } of responses) {
      if (response.case === 'inventoryTaken') waiting.shift()?.()
    }
  }

  return { connect, register, report, pace }
}

const downloadMessage = {
  url: 'http://origin.test/file',
  actualContentLength: BigInt(pieceCount * pieceLength),
  actualPieceLength: BigInt(pieceLength),
  actualPieceCount: BigInt(pieceCount),
}

function whole(hostId: string) {
  return {
    taskId,
    peerId: `${hostId}-whole`,
    contentLength: BigInt(pieceCount * pieceLength),
    pieceLength: BigInt(pieceLength),
    have: { case: 'whole', value: true } as const,
  }
}

function hostMessage(id: string) {
  const network = { idc: 'i1', location: `r|z|${id.length % 7}`, maxTxBandwidth: 1_000_000_000n }
  const build = { gitVersion: 'damselfly/bench' }
  return {
    host: {
      id,
      type: shape.name === 'seed' ? 1 : 0,
      hostname: id,
      ip: '127.0.0.1',
      port: 4000,
      downloadPort: 4001,
      network,
      build,
    },
    interval: durationFromMs(300_000),
  }
}
