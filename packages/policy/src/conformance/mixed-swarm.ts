import type { Random } from '@damselfly/core'
import { ListSwarm, type MemberTraits } from '../list-swarm.ts'

/** A swarm in which everything occurs: places, hosts with two peers, blocked ones, seeds, any number of pieces. */
export function mixedSwarm(size: number, random: Random, isPlaced = true): ListSwarm {
  const view = new ListSwarm({ capacity: size })
  const upTo = (bound: number): number => Math.floor(random.next() * bound)
  for (let id = 0; id < size; id++) {
    const rack = upTo(Math.max(1, size / 20))
    const place = isPlaced ? { rack: rack + 1, idc: 1 + (rack % 5), region: 1 + (rack % 2) } : {}
    view.add({ ...place, ...mixedTraits(id, upTo) })
  }
  return view
}

function mixedTraits(id: number, upTo: (bound: number) => number): MemberTraits {
  return {
    upCapacity: upTo(3) * 1e8,
    upEstimate: upTo(3) * 1e8,
    upSamples: upTo(20),
    outDegree: upTo(30),
    inDegree: upTo(3),
    failures: upTo(2) / 2,
    slowness: upTo(2) / 2,
    isSeed: upTo(50) === 0,
    have: Math.max(0, upTo(320) - 32) % 257,
    isBlocked: upTo(10) === 0,
    ...(id > 0 && upTo(20) === 0 ? { sameHostAs: 0 } : {}),
  }
}
