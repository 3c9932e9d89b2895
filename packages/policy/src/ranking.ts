import type { Candidates } from './candidates.ts'
import type { CapacityOf } from './capacity.ts'
import type { Considered } from './considered.ts'
import { tierOf } from './proximity.ts'
import type { RankingParams } from './ranking-params.ts'
import type { SwarmView } from './swarm-view.ts'

/** A host that has all the children it can carry ranks behind every other one, but is better than nobody. */
const FULL_FACTOR = 1e-9

/**
 * How good candidates are as the next parent of one child: a product, so that each factor can be judged alone. The
 * factors stay in columns, in the places of the candidates, until the next decision.
 */
export class Ranking implements Considered {
  readonly #params: RankingParams
  readonly #capacityOf: CapacityOf
  /** By tier; the last is for children that did not say where they are. */
  readonly #proximity: Float64Array
  readonly #candidates: Candidates
  /** Values of `offer`, and by offer how much it counts. */
  readonly #offers: Uint8Array
  readonly #usefulness: Float64Array
  readonly tier: Uint8Array
  readonly capacity: Float64Array
  readonly children: Uint16Array
  readonly usefulness: Float64Array
  readonly health: Float64Array
  readonly score: Float64Array
  #childHost = 0
  /** Children that an average host gets at most. */
  #meanCap = 0

  /** `capacity`: of the candidates. */
  constructor(params: RankingParams, capacityOf: CapacityOf, candidates: Candidates) {
    const { rack, idc, region, far } = params.proximity
    const { length } = candidates.ids
    this.#params = params
    this.#capacityOf = capacityOf
    this.#proximity = Float64Array.of(rack, idc, region, far, 1)
    this.#candidates = candidates
    this.#offers = new Uint8Array(length)
    const { useful, empty, useless } = params.usefulness
    this.#usefulness = Float64Array.of(empty, useless, useful)
    this.tier = new Uint8Array(length)
    this.capacity = new Float64Array(length)
    this.children = new Uint16Array(length)
    this.usefulness = new Float64Array(length)
    this.health = new Float64Array(length)
    this.score = new Float64Array(length)
  }

  get size(): number {
    return this.#candidates.size
  }

  get ids(): Int32Array {
    return this.#candidates.ids
  }

  /** From here on candidates are ranked for this child, which gets `k` parents. */
  start({ peer }: SwarmView, child: number, k: number): void {
    this.#childHost = peer.host[child] as number
    this.#meanCap = this.#params.degreeFactor * k
  }

  /**
   * Ranks the candidates from place `from` on. Those before `oldEnd` are parents of the child already, so they have this
   * load, and a connection.
   */
  rate(view: SwarmView, child: number, from: number, oldEnd: number): void {
    this.#rateUsefulness(view, child, from)
    this.#rateHosts(view, from)
    for (let i = from; i < this.size; i++) this.score[i] = this.#score(view, i, i < oldEnd)
  }

  /** It has all the children that it can carry. */
  isFull(view: SwarmView, place: number): boolean {
    return this.#isFull(view, this.capacity[place] as number, this.children[place] as number)
  }

  #rateHosts(view: SwarmView, from: number): void {
    const { hosts, size } = this.#candidates
    const { failureWeight, slownessWeight } = this.#params
    const { outDegree, failures, slowness } = view.host
    for (let i = from; i < size; i++) {
      const host = hosts[i] as number
      this.tier[i] = tierOf(view.host, this.#childHost, host)
      this.capacity[i] = this.#capacityOf(view, host)
      this.children[i] = outDegree[host] as number
      const failed = failureWeight * (failures[host] as number)
      this.health[i] = 1 / (1 + failed + slownessWeight * (slowness[host] as number))
    }
  }

  #rateUsefulness(view: SwarmView, child: number, from: number): void {
    const { ids, size } = this.#candidates
    view.rateOffers({ ids, from, end: size }, child, this.#offers)
    for (let i = from; i < size; i++) {
      this.usefulness[i] = this.#usefulness[this.#offers[i] as number] as number
    }
  }

  /** Above 0, the more the better. */
  #score(view: SwarmView, place: number, isOld: boolean): number {
    const capacity = this.capacity[place] as number
    const children = this.children[place] as number
    const others = isOld && children > 0 ? children - 1 : children
    const spare = (capacity / (others + 1)) * (isOld ? this.#params.keepFactor : 1)
    const proximity = this.#proximity[this.tier[place] as number] as number
    const fit = proximity * (this.usefulness[place] as number)
    const score = spare * fit * (this.health[place] as number)
    return this.#isFull(view, capacity, others) ? score * FULL_FACTOR : score
  }

  #isFull({ task: { meanUplink } }: SwarmView, capacity: number, children: number): boolean {
    const share = meanUplink > 0 ? capacity / meanUplink : 1
    return children >= Math.max(1, this.#meanCap * share)
  }
}
