import { seededRandom } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'
import type { Shadow } from './shadow.ts'
import type { Snapshots } from './snapshots.ts'

export interface Watchers {
  readonly shadow?: Shadow
  readonly snapshots?: Snapshots
}

/**
 * The same policy, some of whose decisions are looked at. Decisions that are written down get a chance of their own with a
 * known seed, so that they can be repeated; the answers of the policy are what they would be anyway.
 */
export function watchedPolicy(policy: ParentPolicy, { shadow, snapshots }: Watchers): ParentPolicy {
  return {
    // It may be replaced by another one at any time.
    get name() {
      return policy.name
    },
    get version() {
      return policy.version
    },
    apiVersion: policy.apiVersion,
    get considered() {
      return policy.considered
    },
    parents(view, child, k, random, out, old) {
      const isTaken = snapshots?.draws(view) === true
      const seed = isTaken ? Math.floor(random.next() * 2 ** 32) : 0
      const chance = isTaken ? seededRandom(seed) : random
      const count = policy.parents(view, child, k, chance, out, old)
      const isCompared = shadow?.draws() === true
      if (!isTaken && !isCompared) return count
      // A copy: the caller goes on to use `out`.
      const decision = { view, child, k, old, chosen: out.slice(0, count) }
      if (isTaken) {
        const { name, version } = policy
        snapshots?.take(decision, { policy: name, policyVersion: version, seed })
      }
      if (isCompared) shadow?.compare(decision)
      return count
    },
    ...(policy.client && { client: policy.client.bind(policy) }),
    ...(policy.observe && { observe: policy.observe.bind(policy) }),
    ...(policy.save && { save: policy.save.bind(policy) }),
    ...(policy.restore && { restore: policy.restore.bind(policy) }),
  }
}
