import { type Random, seededRandom } from '@damselfly/core'
import { type ParentPolicy, POLICY_API_VERSION } from '@damselfly/policy'
import { ListSwarm } from '@damselfly/policy/testing'

/** Peers in racks with what they hold, are able to send and have children by chance. */
export function randomSwarm(size: number, seed = 1): ListSwarm {
  const random = seededRandom(seed)
  const view = new ListSwarm({ capacity: size })
  for (let index = 0; index < size; index++) {
    const rack = 1 + Math.floor(random.next() * 5)
    view.add({
      rack,
      idc: 1 + (rack % 2),
      region: 1,
      upCapacity: 1e8 * (1 + Math.floor(random.next() * 3)),
      outDegree: Math.floor(random.next() * 20),
      failures: random.next(),
      have: Math.floor(random.next() * 257),
      isSeed: index % 20 === 0,
      isBlocked: index % 7 === 0,
    })
  }
  return view
}

/** Names the first members that may serve. */
export function firstMembers(name: string, change: Partial<ParentPolicy> = {}): ParentPolicy {
  return {
    name,
    version: 1,
    apiVersion: POLICY_API_VERSION,
    parents(view, child, k, _random, out) {
      let count = 0
      for (const id of view.members.ids.subarray(0, view.members.size)) {
        if (count < k && view.mayServe(id, child)) out[count++] = id
      }
      return count
    },
    ...change,
  }
}

/** Numbers one after the other, again and again. */
export function chances(...numbers: number[]): Random {
  let next = 0
  return { next: () => numbers[next++ % numbers.length] ?? 0, uuid: () => '' }
}
