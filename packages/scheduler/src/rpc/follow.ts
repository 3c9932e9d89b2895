import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FollowRequest, FollowResponseSchema, Swarm } from '@damselfly/api/swarm'
import { AsyncQueue, asHostId, DfError, type HostId } from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { PeerEffect } from '../core/effects.ts'
import type { Driver, EffectSink } from '../driver.ts'
import { toHeldTask, toParentsAsked, toPeerReported } from './follow-messages.ts'
import { invalid } from './mapping.ts'

type Response = MessageInitShape<typeof FollowResponseSchema>
type NeighboursSent = Extract<PeerEffect, { type: 'normal' }>

/** Answers that a host may leave unread; more means that it has stopped reading. */
const MAX_UNREAD = 10_000

/** One stream for each host of ours: coalesced reports come in, parameters of the exchange go out. */
export function follow(driver: Driver): ServiceImpl<typeof Swarm>['follow'] {
  return async function* (requests) {
    const stream = new HostStream(driver)
    void stream.read(requests)
    try {
      yield* stream.responses
    } finally {
      stream.close()
    }
  }
}

class HostStream implements EffectSink<NeighboursSent> {
  readonly responses = new AsyncQueue<Response>(MAX_UNREAD)
  readonly #driver: Driver
  #hostId: HostId | undefined
  #inventoriesTaken = 0n

  constructor(driver: Driver) {
    this.#driver = driver
  }

  /** Never rejects: what goes wrong ends the call. */
  async read(requests: AsyncIterable<FollowRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (this.responses.isClosed) return
        this.#receive(request)
      }
      this.responses.close()
    } catch (error) {
      this.responses.fail(error)
    }
  }

  deliver({ peerId, client }: NeighboursSent): void {
    this.#send({ case: 'clientParams', value: { peerId, ...client } })
  }

  close(): void {
    const hostId = this.#hostId
    if (hostId !== undefined && this.#driver.hosts.get(hostId) === this) {
      this.#driver.hosts.delete(hostId)
    }
  }

  #receive({ request }: FollowRequest): void {
    if (request.case === 'hello') {
      this.#own(asHostId(request.value.hostId))
      return
    }
    const hostId = this.#hostId
    if (hostId === undefined) throw invalid('The stream has not said which host it is of.')
    const { core } = this.#driver
    switch (request.case) {
      case 'reports':
        for (const report of request.value.reports) {
          const event = toPeerReported(report)
          // A host speaks for its own peers.
          if (core.isPeerOf(event.peerId, hostId)) this.#driver.apply(event)
        }
        break
      case 'askParents': {
        const event = toParentsAsked(request.value)
        if (core.isPeerOf(event.peerId, hostId)) this.#driver.apply(event)
        break
      }
      case 'inventory': {
        const tasks = request.value.tasks.map(toHeldTask)
        this.#driver.apply({ type: 'inventoryAnnounced', hostId, tasks })
        this.#inventoriesTaken += 1n
        this.#send({ case: 'inventoryTaken', value: { count: this.#inventoriesTaken } })
        break
      }
      default:
    }
  }

  #own(hostId: HostId): void {
    if (this.#hostId !== undefined) throw invalid('A stream is of one host only.')
    const { core, hosts, instance } = this.#driver
    if (core.host(hostId) === undefined) {
      throw new DfError('HostNotFound', `The host ${hostId} has not announced itself.`)
    }
    this.#hostId = hostId
    const other = hosts.get(hostId)
    hosts.set(hostId, this)
    if (other instanceof HostStream) other.#replace()
    this.#send({ case: 'welcome', value: { instance } })
  }

  #replace(): void {
    this.responses.fail(new DfError('AlreadyRunning', 'The host follows on another stream.'))
  }

  #send(response: NonNullable<Response['response']>): void {
    if (!this.responses.push({ response })) {
      this.responses.fail(new DfError('Overloaded', 'The host does not read its answers.'))
    }
  }
}
