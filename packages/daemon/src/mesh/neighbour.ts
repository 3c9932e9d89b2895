import type { ExchangeHello } from '@damselfly/api/peer'
import { type Clock, DfError, isAbort } from '@damselfly/core'
import type { PeerAddress, PeerFeatures } from '@damselfly/transport'
import type { ParentAddress, ParentSessionDeps } from '../download/parent-session.ts'
import type { DeclineReason, Slot } from '../swarm/index.ts'
import type { NeighbourLink } from './neighbour-link.ts'

export interface NeighbourDeps extends Pick<ParentSessionDeps, 'describe' | 'forgetOffer'> {
  readonly clock: Clock
}

/** Another host that works on the same task: its link, what it said of itself, and where its pieces can be fetched. */
export class Neighbour {
  readonly link: NeighbourLink
  /** As the scheduler named it; `undefined` when it has opened the link. */
  readonly address: ParentAddress | undefined
  /** Its number in the exchange, once it is known who it is. */
  slot: Slot | undefined
  isNear = true
  /** It may have more later. */
  isDownloading = true
  /** It told of a piece that it does not have (any more). */
  wasWrong = false
  /** Pieces that it fetches from here with a grant. */
  uploads = 0
  /** It waits to be granted a piece. */
  isWaiting = false
  heardAt: number
  /** Since when it knows that we would take a piece; `undefined` when we would not. */
  askedAt: number | undefined
  /** Times in a row, since it is a neighbour, that nothing was to be had from anybody. */
  starved = 0
  readonly #deps: NeighbourDeps
  #hello: ExchangeHello | undefined
  #features: Promise<PeerFeatures | undefined> | undefined

  constructor(link: NeighbourLink, address: ParentAddress | undefined, deps: NeighbourDeps) {
    this.link = link
    this.address = address
    this.#deps = deps
    this.heardAt = deps.clock.monotonic()
  }

  /** The link was opened from here. */
  get isOurs(): boolean {
    return this.address !== undefined
  }

  get isSeed(): boolean {
    return this.#hello?.isSeed === true
  }

  get hostId(): string {
    return this.#hello?.hostId ?? this.address?.hostId ?? ''
  }

  /** As the scheduler knows the download there. */
  get peerId(): string {
    return this.address?.peerId ?? this.#hello?.peerId ?? ''
  }

  /** Something is sent to it, or will be: it has to hear that this host lives. */
  get isServed(): boolean {
    return this.uploads > 0 || this.isWaiting
  }

  /** Its grant is not used, and we would take nothing more. */
  decline(reason: DeclineReason): void {
    this.askedAt = undefined
    this.link.say({ kind: 'decline', reason })
  }

  introduced(slot: Slot, hello: ExchangeHello, isNear: boolean): void {
    this.slot = slot
    this.#hello = hello
    this.isNear = isNear
  }

  /** Its piece server. Errors: `PeerUnavailable`, the reason of the link's end. */
  async peer(): Promise<PeerAddress> {
    const hello = this.#hello
    if (hello === undefined) throw new DfError('PeerUnavailable', 'The neighbour is not known yet.')
    this.#features ??= this.#describe({ host: hello.ip, port: hello.port })
    try {
      return {
        endpoint: { host: hello.ip, port: hello.piecePort },
        features: await this.#features,
      }
    } catch (cause) {
      this.#features = undefined
      if (isAbort(cause, this.link.signal)) throw cause
      const { message } = DfError.from(cause)
      const text = `Neighbour ${this.hostId} does not say how to fetch: ${message}`
      throw new DfError('PeerUnavailable', text, { cause })
    }
  }

  /** It may have been started again, with other ports and another certificate. */
  forgetOffer(): void {
    const hello = this.#hello
    if (hello === undefined) return
    this.#features = undefined
    this.#deps.forgetOffer({ host: hello.ip, port: hello.port })
  }

  #describe(control: ParentAddress['control']): Promise<PeerFeatures | undefined> {
    const features = this.#deps.describe(control, this.link.signal)
    features.catch(() => {})
    return features
  }
}
