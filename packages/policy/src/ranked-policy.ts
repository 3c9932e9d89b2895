import { type Random, randomInt } from '@damselfly/core'
import { Candidates } from './candidates.ts'
import type { CapacityOf } from './capacity.ts'
import type { Considered } from './considered.ts'
import { MAX_PARENTS, type ParentPolicy } from './parent-policy.ts'
import { tier } from './proximity.ts'
import { Ranking } from './ranking.ts'
import type { RankingParams } from './ranking-params.ts'
import type { SwarmView } from './swarm-view.ts'
import { TieredSample } from './tiered-sample.ts'
import { TopList } from './top-list.ts'

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
  readonly #best: TopList
  /** Places of the candidates outside the child's rack that are not chosen yet. */
  readonly #outside: Int32Array
  #outsideSize = 0
  /** 1 = chosen already, by place. */
  readonly #isTaken: Uint8Array

  constructor(params: RankingParams, capacityOf: CapacityOf) {
    const capacity = params.sampleSize + MAX_PARENTS + MAX_SEEDS
    this.#params = params
    this.#candidates = new Candidates(capacity)
    this.#ranking = new Ranking(params, capacityOf, this.#candidates)
    this.#sample = new TieredSample(params)
    this.#best = new TopList(MAX_PARENTS)
    this.#outside = new Int32Array(capacity)
    this.#isTaken = new Uint8Array(capacity)
  }

  get considered(): Considered {
    return this.#ranking
  }

  readonly parents: ParentPolicy['parents'] = (view, child, k, random, out, old) => {
    const candidates = this.#candidates
    candidates.start(view, child)
    candidates.addAll(old, old.length, MAX_PARENTS)
    const oldCount = candidates.size
    this.#sample.fill(candidates, view, child, k, random)
    this.#ranking.start(view, child, k)
    this.#ranking.rate(view, child, 0, oldCount)
    this.#listOutside()
    const count = Math.min(k, candidates.size)
    const farCount = this.#farCount(count)
    // Far ones are drawn first, written last: the list is best first.
    for (let i = count - farCount; i < count; i++) out[i] = this.#takeFar(random)
    this.#takeBest(out, count - farCount)
    return this.#withSeed(view, child, k, out, count)
  }

  #listOutside(): void {
    const { size } = this.#candidates
    this.#isTaken.fill(0, 0, size)
    this.#outsideSize = 0
    for (let i = 0; i < size; i++) {
      if (this.#ranking.tier[i] === tier.rack) continue
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
    const place = this.#outside[at] as number
    this.#outsideSize -= 1
    this.#outside[at] = this.#outside[this.#outsideSize] as number
    this.#isTaken[place] = 1
    return this.#candidates.ids[place] as number
  }

  #scoreOutside(at: number): number {
    return this.#ranking.score[this.#outside[at] as number] as number
  }

  #takeBest(out: Int32Array, count: number): void {
    const { ids, size } = this.#candidates
    this.#best.start(out, count)
    for (let i = 0; i < size; i++) {
      if (this.#isTaken[i] === 0) this.#best.add(ids[i] as number, this.#ranking.score[i] as number)
    }
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

  /** None of those that were candidates was good enough; the others become candidates now. */
  #bestSeed(view: SwarmView, child: number): number | undefined {
    const { ids, size } = view.seeds
    const candidates = this.#candidates
    const before = candidates.size
    candidates.addAll(ids, Math.min(size, MAX_SEEDS), before + MAX_SEEDS)
    this.#ranking.rate(view, child, before, 0)
    let best: number | undefined
    for (let place = 0; place < candidates.size; place++) {
      if (!isSeed(view, candidates.ids[place] as number)) continue
      if (this.#ranking.isFull(view, place)) continue
      if (best === undefined || this.#isBetter(place, best)) best = place
    }
    return best === undefined ? undefined : candidates.ids[best]
  }

  #isBetter(place: number, than: number): boolean {
    return (this.#ranking.score[place] as number) > (this.#ranking.score[than] as number)
  }
}

function hasSeed(view: SwarmView, out: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (isSeed(view, out[i] as number)) return true
  return false
}

const isSeed = ({ host, peer }: SwarmView, id: number): boolean =>
  host.isSeed[peer.host[id] as number] === 1
