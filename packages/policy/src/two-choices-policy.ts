import { z } from 'zod'
import { Candidates } from './candidates.ts'
import { type CapacityOf, measuredCapacity } from './capacity.ts'
import { MAX_PARENTS, type ParentPolicy, POLICY_API_VERSION } from './parent-policy.ts'
import { policyKind } from './policy-kind.ts'
import type { SwarmView } from './swarm-view.ts'

const params = z.strictObject({
  /** Observations that make a measured uplink count. */
  minSamples: z.int().min(1).max(65_535).default(8),
})

/**
 * Of two random holders the less loaded one, for every parent anew (Mitzenmacher): nearly as even as taking the least
 * loaded of all, and it does not send everybody to the same one when loads are out of date.
 */
export const twoChoicesPolicy = policyKind(
  'two-choices',
  params,
  ({ minSamples }): ParentPolicy => {
    const drawn = new Candidates(2 * MAX_PARENTS)
    const capacityOf = measuredCapacity(minSamples)
    return {
      name: 'two-choices',
      version: 1,
      apiVersion: POLICY_API_VERSION,
      parents(view, child, k, random, out) {
        drawn.start(view, child)
        drawn.drawProviders(2 * k, k, random)
        // With fewer than two for each place, so many duels that the places are just filled.
        const duels = Math.max(0, drawn.size - k)
        const count = drawn.size - duels
        for (let i = 0; i < count; i++) {
          const one = drawn.ids[i] as number
          const other = i < duels ? (drawn.ids[count + i] as number) : one
          out[i] = spareOf(view, other, capacityOf) > spareOf(view, one, capacityOf) ? other : one
        }
        return count
      },
    }
  },
)

/** What one more child could have of the uplink. */
function spareOf(view: SwarmView, id: number, capacityOf: CapacityOf): number {
  const host = view.peer.host[id] as number
  return capacityOf(view, host) / ((view.host.outDegree[host] as number) + 1)
}
