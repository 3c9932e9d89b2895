import type { CapacityOf } from './capacity.ts'
import { tierOf } from './proximity.ts'
import type { RankingParams } from './ranking-params.ts'
import type { SwarmView } from './swarm-view.ts'

/** A host that has all the children it can carry ranks behind every other one, but is better than nobody. */
const FULL_FACTOR = 1e-9

/** How good candidates are as the next parent of one child: a product, so that each factor can be judged alone. */
export class Ranking {
  readonly #params: RankingParams
  readonly #capacityOf: CapacityOf
  /** By tier; the last is for children that did not say where they are. */
  readonly #proximity: Float64Array
  #child = 0
  #childHost = 0
  /** Children that an average host gets at most. */
  #meanCap = 0

  constructor(params: RankingParams, capacityOf: CapacityOf) {
    const { rack, idc, region, far } = params.proximity
    this.#params = params
    this.#capacityOf = capacityOf
    this.#proximity = Float64Array.of(rack, idc, region, far, 1)
  }

  /** From here on candidates are ranked for this child, which gets `k` parents. */
  start({ peer }: SwarmView, child: number, k: number): void {
    this.#child = child
    this.#childHost = peer.host[child] as number
    this.#meanCap = this.#params.degreeFactor * k
  }

  tierOf({ host, peer }: SwarmView, candidate: number): number {
    return tierOf(host, this.#childHost, peer.host[candidate] as number)
  }

  /** Above 0, the more the better. `isOld`: it is a parent already, so it has this load, and a connection. */
  score(view: SwarmView, candidate: number, tier: number, isOld: boolean): number {
    const host = view.peer.host[candidate] as number
    const capacity = this.#capacityOf(view, host)
    const children = view.host.outDegree[host] as number
    const others = isOld && children > 0 ? children - 1 : children
    const spare = (capacity / (others + 1)) * (isOld ? this.#params.keepFactor : 1)
    const fit = (this.#proximity[tier] as number) * this.#usefulness(view, candidate)
    const score = spare * fit * this.#health(view, host)
    return this.#isFull(view, capacity, others) ? score * FULL_FACTOR : score
  }

  /** It has all the children that it can carry. */
  isFull(view: SwarmView, candidate: number): boolean {
    const host = view.peer.host[candidate] as number
    const children = view.host.outDegree[host] as number
    return this.#isFull(view, this.#capacityOf(view, host), children)
  }

  #isFull({ task: { meanUplink } }: SwarmView, capacity: number, children: number): boolean {
    const share = meanUplink > 0 ? capacity / meanUplink : 1
    return children >= Math.max(1, this.#meanCap * share)
  }

  #usefulness(view: SwarmView, candidate: number): number {
    const { usefulness } = this.#params
    if (view.peer.have[candidate] === 0) return usefulness.empty
    return view.usefulPieces(candidate, this.#child) > 0 ? usefulness.useful : usefulness.useless
  }

  #health({ host }: SwarmView, id: number): number {
    const { failureWeight, slownessWeight } = this.#params
    const failures = failureWeight * (host.failures[id] as number)
    return 1 / (1 + failures + slownessWeight * (host.slowness[id] as number))
  }
}
