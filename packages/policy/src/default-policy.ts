import { type Random, randomInt } from '@damselfly/core'
import type { ParentPolicy, ParentView, Place } from './parent-policy.ts'
import { type Tier, tierOf } from './proximity.ts'
import { type Indexed, sampleCandidates } from './sample-candidates.ts'

export interface DefaultPolicyOptions {
  /** Candidates that are scored. Default 24. */
  sampleSize: number
  /** Weight of each distance. Defaults: rack 8, idc 2, region 1, far 0.2, unknown 1. */
  proximity: Readonly<Record<Tier, number>>
}

const defaults: DefaultPolicyOptions = {
  sampleSize: 24,
  proximity: { rack: 8, idc: 2, region: 1, far: 0.2, unknown: 1 },
}

/** Share of the sample that comes from the child's own rack when there are enough such members. */
const RACK_SHARE = 0.75
/** A host serves at most this many times `k` children, scaled by its uplink, while others are free. */
const DEGREE_FACTOR = 2

interface Scored extends Indexed {
  readonly tier: Tier
  readonly isFull: boolean
  readonly score: number
}

/**
 * Samples the holders, mostly near ones, and ranks them by what their uplink has left, how near they are, whether
 * they hold something that the child lacks, and how often they failed. A quarter of the parents comes from outside
 * the rack by two choices, so that racks do not become islands. Choosing the best of a sample instead of the best
 * of all keeps arrivals of the same moment from running to the same parent.
 */
export function createDefaultPolicy(options: Partial<DefaultPolicyOptions> = {}): ParentPolicy {
  const { sampleSize, proximity } = { ...defaults, ...options }
  return {
    name: 'default',
    parents(view, k, random) {
      const sampled = sampleByTier(view, sampleSize, random)
      const scored = score(sampled, k, proximity).sort(better)
      const far = takeFar(scored, k, random)
      const near = scored.filter((s) => !far.includes(s)).slice(0, k - far.length)
      return [...near, ...far].map(({ index }) => index)
    },
  }
}

/** Draws four times the sample and keeps the near ones first, which needs no index of racks. */
function sampleByTier(view: ParentView, size: number, random: Random): [Indexed, Tier][] {
  const oversample = hasPlace(view.child) ? size * 4 : size
  const drawn = sampleCandidates(view, oversample, random).map((found): [Indexed, Tier] => [
    found,
    tierOf(view.child, found.candidate.place),
  ])
  if (drawn.length <= size) return drawn
  const inTier = (tier: Tier) => drawn.filter(([, t]) => t === tier)
  const rackQuota = Math.ceil(size * RACK_SHARE)
  const rack = inTier('rack')
  const ordered = [
    ...rack.slice(0, rackQuota),
    ...inTier('idc'),
    ...inTier('region'),
    ...inTier('far'),
    ...inTier('unknown'),
    ...rack.slice(rackQuota),
  ]
  return ordered.slice(0, size)
}

const hasPlace = (place: Place): boolean =>
  (place.idc ?? '') !== '' || (place.location ?? '') !== ''

function score(
  sampled: readonly [Indexed, Tier][],
  k: number,
  proximity: Readonly<Record<Tier, number>>,
): Scored[] {
  const known = sampled.map(([{ candidate }]) => candidate.capacity).filter((c) => c > 0)
  const mean = known.length === 0 ? 1 : known.reduce((a, b) => a + b, 0) / known.length
  return sampled.map(([found, tier]) => {
    const { candidate } = found
    const capacity = candidate.capacity > 0 ? candidate.capacity : mean
    const usefulness = candidate.usefulPieces > 0 ? 1 : candidate.heldPieces === 0 ? 0.5 : 0.2
    const health = 1 / (1 + 4 * candidate.failures)
    return {
      ...found,
      tier,
      isFull: candidate.outDegree >= DEGREE_FACTOR * k * (capacity / mean),
      score: (capacity / (candidate.outDegree + 1)) * proximity[tier] * usefulness * health,
    }
  })
}

const better = (a: Scored, b: Scored): number =>
  Number(a.isFull) - Number(b.isFull) || b.score - a.score

/** The parents from outside the rack; none when the near ones do not fill their places anyway. */
function takeFar(scored: readonly Scored[], k: number, random: Random): Scored[] {
  const outside = scored.filter(({ tier }) => tier !== 'rack')
  if (outside.length === scored.length || k < 2) return []
  const count = Math.min(Math.max(1, Math.floor(k / 4)), outside.length)
  const chosen: Scored[] = []
  while (chosen.length < count) {
    const left = outside.filter((s) => !chosen.includes(s))
    const first = left[randomInt(random, left.length)]
    const second = left[randomInt(random, left.length)]
    if (first === undefined || second === undefined) break
    chosen.push(better(first, second) <= 0 ? first : second)
  }
  return chosen
}
