import type { FlowNetwork } from './flow-network.ts'

/** How far apart two hosts are, as an index: of a latency, of a class of bytes. */
export const distances = ['rack', 'site', 'wide'] as const
export type Distance = (typeof distances)[number]

export interface CablingOptions {
  /** One way, in milliseconds, by distance. */
  readonly latencyMs: Readonly<Record<Distance, number>>
  /** Bytes per millisecond between a rack and the rest of its site, in each direction. Absent = no limit. */
  readonly rackBytesPerMs?: number
  /** Bytes per millisecond between a site and the other sites, in each direction. Absent = no limit. */
  readonly siteBytesPerMs?: number
}

/** Stands alone, behind no rack's link. */
export const NO_RACK = -1

export interface HostPort {
  readonly upBytesPerMs: number
  readonly downBytesPerMs: number
  readonly rack: number
  readonly site: number
}

interface Limits {
  readonly out: number
  readonly in: number
}

/** The hosts' places in the network: which links lie between two of them and how long a message takes. */
export class Cabling {
  readonly #network: FlowNetwork
  readonly #options: CablingOptions
  readonly #latency: Float64Array
  readonly #up: number[] = []
  readonly #down: number[] = []
  readonly #rack: number[] = []
  readonly #site: number[] = []
  readonly #racks = new Map<number, Limits>()
  readonly #sites = new Map<number, Limits>()

  constructor(network: FlowNetwork, options: CablingOptions) {
    this.#network = network
    this.#options = options
    this.#latency = Float64Array.from(distances, (distance) => options.latencyMs[distance])
  }

  /** Returns the host's number, from 0. */
  addHost({ upBytesPerMs, downBytesPerMs, rack, site }: HostPort): number {
    this.#up.push(this.#network.addLink(upBytesPerMs))
    this.#down.push(this.#network.addLink(downBytesPerMs))
    this.#rack.push(rack)
    this.#site.push(site)
    this.#limit(this.#racks, rack, this.#options.rackBytesPerMs)
    this.#limit(this.#sites, site, this.#options.siteBytesPerMs)
    return this.#up.length - 1
  }

  setUplink(host: number, bytesPerMs: number, now: number): void {
    this.#network.setCapacity(this.#up[host] as number, bytesPerMs, now)
  }

  /** Index into `distances`. */
  distance(a: number, b: number): number {
    if (this.#site[a] !== this.#site[b]) return 2
    return this.#rack[a] === this.#rack[b] ? 0 : 1
  }

  latencyMs(a: number, b: number): number {
    return this.latencyAt(this.distance(a, b))
  }

  latencyAt(distance: number): number {
    return this.#latency[distance] as number
  }

  /** The links from one host to another. */
  path(from: number, to: number): number[] {
    const path = [this.#up[from] as number]
    const distance = this.distance(from, to)
    if (distance > 0) {
      const leaving = this.#racks.get(this.#rack[from] as number)
      const entering = this.#racks.get(this.#rack[to] as number)
      if (leaving !== undefined) path.push(leaving.out)
      if (entering !== undefined) path.push(entering.in)
    }
    if (distance > 1) {
      const leaving = this.#sites.get(this.#site[from] as number)
      const entering = this.#sites.get(this.#site[to] as number)
      if (leaving !== undefined) path.push(leaving.out)
      if (entering !== undefined) path.push(entering.in)
    }
    path.push(this.#down[to] as number)
    return path
  }

  #limit(limits: Map<number, Limits>, place: number, bytesPerMs: number | undefined): void {
    if (bytesPerMs === undefined || place === NO_RACK || limits.has(place)) return
    const link = () => this.#network.addLink(bytesPerMs)
    limits.set(place, { out: link(), in: link() })
  }
}
