import { hrw, type TaskId } from '@damselfly/core'

export interface LoadBalanceOptions {
  /** This scheduler and the others, as the daemons of the cluster name them: `ip:port`. */
  readonly address: string
  readonly addresses: readonly string[]
  /** A scheduler with more than so many times the mean number of peers gives new swarms away. */
  readonly overloadFactor: number
  /** With fewer peers than this nothing is given away, whatever the others have. */
  readonly minPeers: number
  /** What another scheduler said is believed for so long, milliseconds. */
  readonly freshMs: number
  /** A swarm that nobody asked for in so long is forgotten, milliseconds. */
  readonly ttlMs: number
}

/** Swarms that were given away and are remembered; the one that was asked for longest ago goes first. */
const MAX_REDIRECTS = 65_536

interface Redirect {
  readonly address: string
  until: number
}

/**
 * Which swarms are not ours although their task ids are: rendezvous hashing divides tasks evenly, and their peers not at all. A
 * new swarm goes to the next scheduler in rendezvous order that has less than the mean, and stays there: whoever asks
 * later gets the same answer as long as somebody asks. Soft state: without it a swarm has two halves that share their seeds.
 */
export class LoadBalance {
  readonly #options: LoadBalanceOptions
  readonly #loads = new Map<string, { peers: number; at: number }>()
  readonly #redirects = new Map<TaskId, Redirect>()
  /** How many swarms have been given away. */
  redirected = 0

  constructor(options: LoadBalanceOptions) {
    this.#options = options
  }

  get others(): string[] {
    return this.#options.addresses.filter((address) => address !== this.#options.address)
  }

  /** Another scheduler has told its load. */
  heard(address: string, peers: number, now: number): void {
    this.#loads.set(address, { peers, at: now })
  }

  /** Another scheduler did not answer: nobody is sent there. */
  missed(address: string): void {
    this.#loads.delete(address)
  }

  /** Peers of the schedulers that have told lately, this one first. */
  loads(ownPeers: number, now: number): Map<string, number> {
    const loads = new Map([[this.#options.address, ownPeers]])
    for (const [address, { peers, at }] of this.#loads) {
      if (now - at <= this.#options.freshMs) loads.set(address, peers)
    }
    return loads
  }

  /** The scheduler that takes this swarm in place of this one, if any does. */
  redirect(
    taskId: TaskId,
    { isNew, ownPeers, now }: { isNew: boolean; ownPeers: number; now: number },
  ): string | undefined {
    const loads = this.loads(ownPeers, now)
    const known = this.#redirects.get(taskId)
    if (known !== undefined) {
      this.#redirects.delete(taskId)
      if (known.until > now && loads.has(known.address)) {
        return this.#remember(taskId, known.address, now)
      }
    }
    const address = isNew ? this.#nextBelowMean(taskId, loads, ownPeers) : undefined
    if (address === undefined) return undefined
    this.redirected += 1
    // Until it tells the next time: else all of a moment would be sent to the same one.
    const load = this.#loads.get(address)
    if (load !== undefined) load.peers += 1
    return this.#remember(taskId, address, now)
  }

  #nextBelowMean(
    taskId: TaskId,
    loads: ReadonlyMap<string, number>,
    ownPeers: number,
  ): string | undefined {
    const { address: own, addresses, overloadFactor, minPeers } = this.#options
    const mean = [...loads.values()].reduce((sum, peers) => sum + peers, 0) / loads.size
    if (ownPeers < minPeers || ownPeers <= overloadFactor * mean) return undefined
    return hrw(taskId, addresses).find((address) => {
      const peers = loads.get(address)
      return address !== own && peers !== undefined && peers < mean
    })
  }

  #remember(taskId: TaskId, address: string, now: number): string {
    const [oldest] = this.#redirects.keys()
    if (oldest !== undefined && this.#redirects.size >= MAX_REDIRECTS) {
      this.#redirects.delete(oldest)
    }
    this.#redirects.set(taskId, { address, until: now + this.#options.ttlMs })
    return address
  }
}
