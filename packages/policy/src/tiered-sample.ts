import { type Random, randomInt } from '@damselfly/core'
import type { Candidates } from './candidates.ts'
import { hasPlace, tier, tierOf } from './proximity.ts'
import type { RankingParams } from './ranking-params.ts'
import type { PeerList, SwarmView } from './swarm-view.ts'

/** So many are drawn for each place that is not the rack's, to find near ones among them; at most twice the sample. */
const POOL_FACTOR = 4

/**
 * Fills candidates with mostly near ones. The rack has a list of its own; who is near outside it is found in a larger
 * draw, which needs no more lists. What one distance lacks the next farther one gets.
 */
export class TieredSample {
  readonly #params: RankingParams
  /** Drawn without asking whether they may serve, and as often as they came up. */
  readonly #pool: Int32Array
  readonly #hosts: Int32Array
  #poolSize = 0
  /** The pool by distance: a row for each tier, and how many are in it. */
  readonly #rows: readonly Int32Array[]
  readonly #rowSizes = new Int32Array(tier.unknown)

  constructor(params: RankingParams) {
    const capacity = 2 * params.sampleSize
    this.#params = params
    this.#pool = new Int32Array(capacity)
    this.#hosts = new Int32Array(capacity)
    this.#rows = Array.from({ length: tier.unknown }, () => new Int32Array(capacity))
  }

  /** `into` has been started for this child. With fewer than `k` holders, who will hold something soon counts too. */
  fill(into: Candidates, view: SwarmView, child: number, k: number, random: Random): void {
    const { sampleSize, shares } = this.#params
    const host = view.peer.host[child] as number
    if (!hasPlace(view.host, host)) {
      into.drawProviders(sampleSize, k, random)
      return
    }
    const end = into.size + sampleSize
    const rack = view.rackMembers(view.host.rack[host] as number)
    into.draw(rack, Math.ceil(sampleSize * shares.rack), random)
    this.#poolSize = 0
    this.#drawPool(view.holders, POOL_FACTOR * (end - into.size), random)
    if (view.holders.size < k) this.#drawPool(view.expecting, this.#pool.length, random)
    this.#classify(view, host)
    const anybody = Math.ceil(sampleSize * (1 - shares.rack - shares.idc - shares.region))
    const outsideIdc = Math.ceil(sampleSize * (1 - shares.rack - shares.idc))
    this.#take(into, tier.idc, end - outsideIdc)
    this.#take(into, tier.region, end - anybody)
    for (let near = tier.far as number; near >= tier.rack; near--) this.#take(into, near, end)
  }

  /** All of a short list, from a random one on; of a long one so many, whoever comes up. */
  #drawPool({ ids, size }: PeerList, count: number, random: Random): void {
    const wanted = Math.min(count, this.#pool.length - this.#poolSize)
    const isShort = size <= wanted
    const start = isShort ? randomInt(random, size) : 0
    for (let i = 0; i < (isShort ? size : wanted); i++) {
      const at = isShort ? (start + i) % size : randomInt(random, size)
      this.#pool[this.#poolSize] = ids[at] as number
      this.#poolSize += 1
    }
  }

  /** Hosts in a loop of their own; see `Candidates`. */
  #classify({ host, peer }: SwarmView, childHost: number): void {
    const pool = this.#pool
    const hosts = this.#hosts
    for (let i = 0; i < this.#poolSize; i++) hosts[i] = peer.host[pool[i] as number] as number
    this.#rowSizes.fill(0)
    for (let i = 0; i < this.#poolSize; i++) {
      const near = tierOf(host, childHost, hosts[i] as number)
      const size = this.#rowSizes[near] as number
      this.#row(near)[size] = pool[i] as number
      this.#rowSizes[near] = size + 1
    }
  }

  /** Those of the pool at this distance, until there are `limit` candidates. */
  #take(into: Candidates, near: number, limit: number): void {
    const size = this.#rowSizes[near] as number
    if (size > 0 && into.size < limit) into.addAll(this.#row(near), size, limit)
  }

  #row(near: number): Int32Array {
    return this.#rows[near] as Int32Array
  }
}
