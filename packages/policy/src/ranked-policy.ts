import { type Random, randomInt } from '@damselfly/core'
import { Candidates } from './candidates.ts'
import type { CapacityOf } from './capacity.ts'
import { MAX_PARENTS, type ParentPolicy } from './parent-policy.ts'
import { tier } from './proximity.ts'
import { Ranking } from './ranking.ts'
import type { RankingParams } from './ranking-params.ts'
import type { SwarmView } from './swarm-view.ts'
import { TieredSample } from './tiered-sample.ts'

/** So many seeds are looked at to find the best one. */
const MAX_SEEDS = 16

/**
 * Samples holders, mostly near ones, and ranks them by what their uplink has left, how near they are, whether they have
 * something that the child lacks, and their health. A share of the parents comes from outside the rack by two choices,
 * so that racks do not become islands. The best of a sample, not the best of all: arrivals of the same moment would all
 * run to the same parents.
 */
export class RankedPolicy {
  readonly #params: RankingParams
  readonly #ranking: Ranking
  readonly #sample: TieredSample
  readonly #candidates: Candidates
  readonly #scores: Float64Array
  /** Indexes of the candidates outside the child's rack that are not chosen yet. */
  readonly #outside: Int32Array
  #outsideSize = 0

  constructor(params: RankingParams, capacityOf: CapacityOf) {
    const capacity = params.sampleSize + MAX_PARENTS
    this.#params = params
    this.#ranking = new Ranking(params, capacityOf)
    this.#sample = new TieredSample(params)
    this.#candidates = new Candidates(capacity)
    this.#scores = new Float64Array(capacity)
    this.#outside = new Int32Array(capacity)
  }

  readonly parents: ParentPolicy['parents'] = (view, child, k, random, out, old) => {
    const candidates = this.#candidates
    candidates.start(view, child)
    for (let i = 0; i < old.length && i < MAX_PARENTS; i++) candidates.add(old[i] as number)
    const oldCount = candidates.size
    this.#sample.fill(candidates, view, child, k, random)
    this.#ranking.start(view, child, k)
    this.#rate(view, oldCount)
    const count = Math.min(k, candidates.size)
    const farCount = this.#farCount(count)
    // Far ones are drawn first, written last: the list is best first.
    for (let i = count - farCount; i < count; i++) out[i] = this.#takeFar(random)
    for (let i = 0; i < count - farCount; i++) out[i] = this.#takeBest()
    return this.#withSeed(view, child, k, out, count)
  }

  #rate(view: SwarmView, oldCount: number): void {
    const { ids, size } = this.#candidates
    this.#outsideSize = 0
    for (let i = 0; i < size; i++) {
      const id = ids[i] as number
      const distance = this.#ranking.tierOf(view, id)
      this.#scores[i] = this.#ranking.score(view, id, distance, i < oldCount)
      if (distance === tier.rack) continue
      this.#outside[this.#outsideSize] = i
      this.#outsideSize += 1
    }
  }

  /** No places are kept for far ones when nobody is in the rack: then they compete for all. */
  #farCount(count: number): number {
    const { farShare } = this.#params
    if (farShare === 0 || count < 2 || this.#outsideSize === this.#candidates.size) return 0
    const share = Math.max(1, Math.floor(count * farShare))
    return Math.min(share, this.#outsideSize)
  }

  #takeFar(random: Random): number {
    const one = randomInt(random, this.#outsideSize)
    const other = randomInt(random, this.#outsideSize)
    const at = this.#scoreOutside(other) > this.#scoreOutside(one) ? other : one
    const index = this.#outside[at] as number
    this.#outsideSize -= 1
    this.#outside[at] = this.#outside[this.#outsideSize] as number
    return this.#take(index)
  }

  #scoreOutside(at: number): number {
    return this.#scores[this.#outside[at] as number] as number
  }

  #takeBest(): number {
    let best = 0
    for (let i = 1; i < this.#candidates.size; i++) {
      if ((this.#scores[i] as number) > (this.#scores[best] as number)) best = i
    }
    return this.#take(best)
  }

  #take(index: number): number {
    this.#scores[index] = -1
    return this.#candidates.ids[index] as number
  }

  /** The first peers of a swarm, and all while holders are few, need somebody who brings pieces in. */
  #withSeed(view: SwarmView, child: number, k: number, out: Int32Array, count: number): number {
    const isYoung = view.members.size <= this.#params.seedFactor * k || view.holders.size < k
    if (!isYoung || hasSeed(view, out, count)) return count
    const seed = this.#bestSeed(view, child)
    if (seed === undefined) return count
    const at = Math.min(count, k - 1)
    out[at] = seed
    return at + 1
  }

  #bestSeed(view: SwarmView, child: number): number | undefined {
    const { ids, size } = view.seeds
    let best: number | undefined
    let bestScore = 0
    for (let i = 0; i < size && i < MAX_SEEDS; i++) {
      const seed = ids[i] as number
      if (!view.mayServe(seed, child) || this.#ranking.isFull(view, seed)) continue
      const score = this.#ranking.score(view, seed, this.#ranking.tierOf(view, seed), false)
      if (score > bestScore) {
        best = seed
        bestScore = score
      }
    }
    return best
  }
}

function hasSeed(view: SwarmView, out: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (view.host.isSeed[view.peer.host[out[i] as number] as number] === 1) return true
  }
  return false
}
