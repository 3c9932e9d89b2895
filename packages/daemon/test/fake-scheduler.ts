import { create } from '@bufbuild/protobuf'
import type { Peer } from '@damselfly/api/common'
import {
  type AnnounceHostRequest,
  type AnnouncePeerRequest,
  type AnnouncePeerResponse,
  AnnouncePeerResponseSchema,
  Scheduler,
} from '@damselfly/api/scheduler'
import { AsyncQueue, DfError, silentLog } from '@damselfly/core'
import { type RpcServer, route, startRpcServer } from '@damselfly/rpc'

export type Order = AnnouncePeerResponse['response']

/** A scheduler that only records, and answers as the test tells it. */
export class FakeScheduler {
  readonly hosts: AnnounceHostRequest[] = []
  readonly messages: AnnouncePeerRequest[] = []
  answer: (message: AnnouncePeerRequest) => Order | DfError | undefined = () => undefined
  server!: RpcServer

  async start(port = 0): Promise<void> {
    this.server = await startRpcServer({
      listen: { host: '127.0.0.1', port },
      log: silentLog,
      health: [],
      graceMs: 100,
      services: [
        route(Scheduler, {
          announceHost: (request) => {
            this.hosts.push(request)
            return {}
          },
          deleteHost: () => ({}),
          announcePeer: (requests) => this.#serve(requests),
        }),
      ],
    })
  }

  get address(): string {
    const { endpoint } = this.server
    return 'port' in endpoint ? `${endpoint.host}:${endpoint.port}` : ''
  }

  get cases(): (string | undefined)[] {
    return this.messages.map(({ request }) => request.case)
  }

  async *#serve(
    requests: AsyncIterable<AnnouncePeerRequest>,
  ): AsyncGenerator<AnnouncePeerResponse> {
    const out = new AsyncQueue<AnnouncePeerResponse>(100)
    const read = async (): Promise<void> => {
      for await (const message of requests) {
        this.messages.push(message)
        const response = this.answer(message)
        if (response instanceof DfError) throw response
        if (response !== undefined) out.push(create(AnnouncePeerResponseSchema, { response }))
        if (message.request.case?.match(/Peer(BackToSource)?(Finished|Failed)Request$/)) break
      }
    }
    read().then(
      () => out.close(),
      (error: unknown) => out.fail(error),
    )
    yield* out
  }
}

export const needSource: Order = {
  case: 'needBackToSourceResponse',
  value: { $typeName: 'scheduler.v2.NeedBackToSourceResponse' },
}
export const parents = (...candidateParents: Peer[]): Order => ({
  case: 'normalTaskResponse',
  value: { $typeName: 'scheduler.v2.NormalTaskResponse', candidateParents },
})
export const isRegister = ({ request }: AnnouncePeerRequest) =>
  request.case === 'registerPeerRequest'
