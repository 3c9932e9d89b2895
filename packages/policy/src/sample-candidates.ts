import { type Random, randomInt } from '@damselfly/core'
import type { Candidate, ParentView } from './parent-policy.ts'

export interface Indexed {
  readonly index: number
  readonly candidate: Candidate
}

/** In a swarm with many unusable members the search ends after this many looks per wanted candidate. */
const LOOKS_PER_CANDIDATE = 4

/**
 * Up to `count` distinct usable candidates, uniformly. A small view is looked through from a random start; a large
 * one is probed, so the cost depends on `count` and not on the swarm.
 */
export function sampleCandidates(view: ParentView, count: number, random: Random): Indexed[] {
  const found: Indexed[] = []
  const looks = count * LOOKS_PER_CANDIDATE
  if (view.size <= looks) {
    for (const index of shuffledIndexes(view.size, random)) {
      const candidate = view.candidate(index)
      if (candidate !== undefined) found.push({ index, candidate })
      if (found.length === count) break
    }
    return found
  }
  const seen = new Set<number>()
  for (let look = 0; look < looks && found.length < count; look++) {
    const index = randomInt(random, view.size)
    if (seen.has(index)) continue
    seen.add(index)
    const candidate = view.candidate(index)
    if (candidate !== undefined) found.push({ index, candidate })
  }
  return found
}

function shuffledIndexes(size: number, random: Random): number[] {
  const indexes = Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = randomInt(random, i + 1)
    const swapped = indexes[i] as number
    indexes[i] = indexes[j] as number
    indexes[j] = swapped
  }
  return indexes
}
