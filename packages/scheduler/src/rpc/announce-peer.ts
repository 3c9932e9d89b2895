import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  AnnouncePeerRequest,
  AnnouncePeerResponseSchema,
  Scheduler,
} from '@damselfly/api/scheduler'
import { AsyncQueue, DfError, type PeerId } from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { PeerEffect } from '../core/effects.ts'
import type { Driver, EffectSink } from '../driver.ts'
import { fromParents, invalid } from './mapping.ts'
import { toPeerEvent } from './peer-messages.ts'

type Response = MessageInitShape<typeof AnnouncePeerResponseSchema>

/** Answers that a peer may leave unread; more means that it has stopped reading. */
const MAX_UNREAD = 1000

/** One stream per download: reports come in, orders go out whenever the core has some (interop.md 2.5). */
export function announcePeer(driver: Driver): ServiceImpl<typeof Scheduler>['announcePeer'] {
  return async function* (requests) {
    const { total, failures } = driver.metrics.calls.announce_peer
    total.inc()
    const stream = new PeerStream(driver)
    void stream.read(requests)
    try {
      // Returning ends the call, which resets the stream: a Rust peer waits for that (T2).
      yield* stream.responses
    } catch (error) {
      failures.inc()
      throw error
    } finally {
      stream.close()
    }
  }
}

class PeerStream implements EffectSink<PeerEffect> {
  readonly responses = new AsyncQueue<Response>(MAX_UNREAD)
  readonly #driver: Driver
  #peerId: PeerId | undefined

  constructor(driver: Driver) {
    this.#driver = driver
  }

  /** Never rejects: what goes wrong ends the call. */
  async read(requests: AsyncIterable<AnnouncePeerRequest>): Promise<void> {
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

  deliver(effect: PeerEffect): void {
    if (effect.type === 'endStream') {
      if (effect.error === undefined) this.responses.close()
      else this.responses.fail(effect.error)
      return
    }
    const response = this.#toResponse(effect)
    if (response !== undefined && !this.responses.push({ response })) {
      this.responses.fail(new DfError('Overloaded', 'The peer does not read its answers.'))
    }
  }

  /** Another stream of the same peer has taken over. */
  replace(): void {
    this.responses.fail(
      new DfError('AlreadyRunning', 'The peer has registered again on another stream.'),
    )
  }

  close(): void {
    const peerId = this.#peerId
    if (peerId === undefined || this.#driver.peers.get(peerId) !== this) return
    this.#driver.peers.delete(peerId)
    this.#driver.apply({ type: 'streamClosed', peerId })
  }

  #receive(request: AnnouncePeerRequest): void {
    const event = toPeerEvent(request)
    if (event === undefined) return
    if (event.type === 'peerRegistered') this.#own(event.peerId)
    else if (this.#peerId === undefined) {
      throw new DfError('PeerNotFound', `The peer ${event.peerId} has not registered.`)
    }
    if (event.peerId !== this.#peerId) throw invalid('A stream speaks for one peer only.')
    if (this.#driver.peers.get(event.peerId) === this) this.#driver.apply(event)
  }

  #own(peerId: PeerId): void {
    if (this.#peerId !== undefined && this.#peerId !== peerId) return
    this.#peerId = peerId
    const other = this.#driver.peers.get(peerId)
    this.#driver.peers.set(peerId, this)
    if (other instanceof PeerStream && other !== this) other.replace()
  }

  #toResponse(effect: Exclude<PeerEffect, { type: 'endStream' }>): Response['response'] {
    switch (effect.type) {
      case 'normal': {
        const { core } = this.#driver
        const views = core.statPeers(effect.parents)
        const isOurs = core.isOurs(effect.peerId)
        const candidateParents = fromParents(views, isOurs)
        return { case: 'normalTaskResponse', value: { candidateParents } }
      }
      case 'needBackToSource':
        return { case: 'needBackToSourceResponse', value: { description: effect.reason } }
      case 'empty':
        return { case: 'emptyTaskResponse', value: {} }
      case 'metadataOnly':
        return { case: 'metadataOnlyResponse', value: {} }
      default:
        return effect satisfies never
    }
  }
}
