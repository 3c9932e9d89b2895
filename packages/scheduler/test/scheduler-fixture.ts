import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  type AnnouncePeerRequest,
  AnnouncePeerRequestSchema,
  type AnnouncePeerResponse,
  Scheduler,
} from '@damselfly/api/scheduler'
import { Swarm } from '@damselfly/api/swarm'
import { loadConfig } from '@damselfly/core/config'
import { type BidiStream, openBidi, openChannel } from '@damselfly/rpc'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '../src/index.ts'
import type { SchedulerDeps } from '../src/scheduler.ts'

export const MIB = 1024 * 1024

export function start(
  overrides: Record<string, unknown> = {},
  deps: SchedulerDeps = {},
): Promise<RunningScheduler> {
  const config = loadConfig({
    schema: schedulerConfigSchema,
    overrides: { server: { listenIP: '127.0.0.1', port: 0 }, ...overrides },
  })
  return startScheduler(config, deps)
}

export function connect(scheduler: RunningScheduler) {
  const channel = openChannel(scheduler.endpoint)
  return {
    scheduler: channel.client(Scheduler),
    swarm: channel.client(Swarm),
    [Symbol.dispose]: () => channel.close(),
  }
}

export type Clients = ReturnType<typeof connect>

export function host(id: string, more: { type?: number; port?: number } = {}) {
  return {
    host: {
      id,
      hostname: id,
      ip: '127.0.0.1',
      port: 4000,
      downloadPort: 4000,
      network: { idc: 'i1', location: 'r|z|k', maxTxBandwidth: 1_000_000_000n },
      build: { gitVersion: '1.5.1' },
      ...more,
    },
    interval: durationFromMs(300_000),
  }
}

export const download = {
  url: 'http://origin.test/file',
  actualContentLength: BigInt(8 * MIB),
  actualPieceLength: BigInt(4 * MIB),
  actualPieceCount: 2n,
}

export const piece = (number: number, parentId?: string) => ({
  number,
  ...(parentId === undefined ? {} : { parentId }),
  offset: BigInt(number * 4 * MIB),
  length: BigInt(4 * MIB),
  digest: 'crc32:123',
  cost: durationFromMs(5),
  createdAt: timestampFromMs(0),
})

type Request = NonNullable<MessageInitShape<typeof AnnouncePeerRequestSchema>['request']>

/** One AnnouncePeer stream; `a/1` is a peer of host `a`. */
export class AnnouncedPeer {
  readonly #id: string
  readonly #stream: BidiStream<AnnouncePeerRequest, AnnouncePeerResponse>
  readonly #responses: AsyncIterator<AnnouncePeerResponse>

  constructor(clients: Clients, id: string) {
    this.#id = id
    this.#stream = openBidi(clients.scheduler.announcePeer)
    this.#responses = this.#stream.responses[Symbol.asyncIterator]()
  }

  async say(request: Request): Promise<void> {
    await this.#stream.send(announcement(this.#id, request))
  }

  register(more: Record<string, unknown> = {}): Promise<void> {
    const value = { download: { ...download, ...more } }
    return this.say({ case: 'registerPeerRequest', value })
  }

  /** The next answer; `undefined` when the call has ended well. */
  async answer(): Promise<AnnouncePeerResponse['response'] | undefined> {
    const { done, value } = await this.#responses.next()
    return done === true ? undefined : value.response
  }

  break(): void {
    this.#stream.abort()
  }
}

export function announcement(id: string, request: Request): AnnouncePeerRequest {
  const hostId = id.split('/')[0] ?? id
  return create(AnnouncePeerRequestSchema, { hostId, taskId: 'task', peerId: id, request })
}
