import { Scheduler } from '@damselfly/api/scheduler'
import { Swarm } from '@damselfly/api/swarm'
import { type Clock, DragonflyRing, hrw, type Network, type TaskId } from '@damselfly/core'
import { type Client, openChannel, type RpcChannel } from '@damselfly/rpc'

/** How a task's scheduler is chosen; every daemon of a cluster must use the same way. */
export type SchedulerRing = 'hrw' | 'dragonfly'

/** A scheduler as this daemon knows it. */
export interface SchedulerLink {
  /** `ip:port` as configured. */
  readonly address: string
  readonly scheduler: Client<typeof Scheduler>
  readonly swarm: Client<typeof Swarm>
  /** It did not answer; others are tried first for a while. */
  markUnavailable(): void
  /** It was marked a moment ago. */
  readonly isUnavailable: boolean
}

/** After a failure a scheduler goes to the end of the line for this long. */
const penaltyMs = 5_000
/** More are forgotten; the owner of the task says it again. */
const maxRedirects = 10_000
/** Between our own daemons and schedulers; a Go server closes connections that ping so often. */
const signsOfLife = { pingIntervalMs: 10_000, pingTimeoutMs: 10_000 }

export interface SchedulerPoolOptions {
  /** `ip:port` of each. */
  readonly addresses: readonly string[]
  readonly ring: SchedulerRing
  /** How long a scheduler may take to begin its answer. */
  readonly answerTimeoutMs: number
}

export interface SchedulerPoolDeps {
  readonly clock: Clock
  readonly network: Network
}

/** The schedulers of this daemon's cluster, one HTTP/2 session each. */
export class SchedulerPool {
  readonly #options: SchedulerPoolOptions
  #links: PooledLink[]
  /** Addresses. */
  readonly #redirects = new Map<TaskId, string>()
  readonly #ring: (taskId: TaskId, addresses: readonly string[]) => string[]
  readonly #deps: SchedulerPoolDeps

  constructor(options: SchedulerPoolOptions, deps: SchedulerPoolDeps) {
    this.#options = options
    this.#deps = deps
    this.#links = options.addresses.map((address) => this.#open(address))
    this.#ring = options.ring === 'hrw' ? hrw : dragonflyOrder
  }

  /**
   * The schedulers to try for a task, best first; those that failed just now come last. The one that the task was
   * redirected to is the best.
   */
  candidates(taskId: TaskId): SchedulerLink[] {
    const elsewhere = this.#redirects.get(taskId)
    const isBest = (link: SchedulerLink): boolean =>
      link.address === elsewhere && !link.isUnavailable
    return this.owners(taskId).sort((a, b) => Number(isBest(b)) - Number(isBest(a)))
  }

  /** As `candidates`, without redirects: whoever decides about those is asked first. */
  owners(taskId: TaskId): SchedulerLink[] {
    const order = this.#ring(
      taskId,
      this.#links.map((l) => l.address),
    )
    return [...this.#links].sort(
      (a, b) =>
        Number(a.isUnavailable) - Number(b.isUnavailable) ||
        order.indexOf(a.address) - order.indexOf(b.address),
    )
  }

  /** Redirects are for swarms of our own daemons; Dragonfly's do not follow. */
  get followsRedirects(): boolean {
    return this.#options.ring === 'hrw'
  }

  /**
   * The owner of the task said who takes it, or that it does so itself (`undefined`). Returns the link to the one that
   * was named, unless it is not known here.
   */
  redirect(taskId: TaskId, address: string | undefined): SchedulerLink | undefined {
    this.#redirects.delete(taskId)
    const link = this.#links.find((one) => one.address === address)
    if (link === undefined) return undefined
    const [oldest] = this.#redirects.keys()
    if (oldest !== undefined && this.#redirects.size >= maxRedirects) {
      this.#redirects.delete(oldest)
    }
    this.#redirects.set(taskId, link.address)
    return link
  }

  all(): readonly SchedulerLink[] {
    return this.#links
  }

  /** Takes over a new list; true when it differs. Calls to schedulers that are gone from it fail as unavailable. */
  update(addresses: readonly string[]): boolean {
    const before = new Map(this.#links.map((link) => [link.address, link]))
    this.#links = addresses.map((address) => before.get(address) ?? this.#open(address))
    const gone = [...before.values()].filter((link) => !this.#links.includes(link))
    for (const link of gone) link.channel.close()
    return gone.length > 0 || this.#links.length !== before.size
  }

  close(): void {
    for (const link of this.#links) link.channel.close()
  }

  #open(address: string): PooledLink {
    const { answerTimeoutMs, ring } = this.#options
    const { clock, network } = this.#deps
    const channel = openChannel(parseAddress(address), {
      clock,
      network,
      unavailable: 'SchedulerUnavailable',
      // A scheduler that takes the connection but never answers must not hold a download (trap T4).
      deadlines: { openMs: answerTimeoutMs },
      ...(ring === 'hrw' ? signsOfLife : {}),
    })
    let unavailableUntil = 0
    return {
      address,
      channel,
      scheduler: channel.client(Scheduler),
      swarm: channel.client(Swarm),
      get isUnavailable() {
        return unavailableUntil > clock.monotonic()
      },
      markUnavailable() {
        unavailableUntil = clock.monotonic() + penaltyMs
      },
    }
  }
}

interface PooledLink extends SchedulerLink {
  readonly channel: RpcChannel
}

function parseAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

/** Dragonfly's ring names one scheduler; the others follow in rendezvous order as fall-backs. */
function dragonflyOrder(taskId: TaskId, addresses: readonly string[]): string[] {
  if (addresses.length === 0) return []
  const first = new DragonflyRing(addresses, 'raw-octets').pick(taskId)
  return [first, ...hrw(taskId, addresses).filter((a) => a !== first)]
}
