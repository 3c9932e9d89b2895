import { z } from 'zod'
import { averageCapacity, type CapacityOf } from './capacity.ts'
import { type ParentPolicy, POLICY_API_VERSION } from './parent-policy.ts'
import { policyKind } from './policy-kind.ts'
import { RankedPolicy } from './ranked-policy.ts'
import { rankingParams } from './ranking-params.ts'
import { RateArms } from './rate-arms.ts'

const params = rankingParams.extend({
  /** How much hope counts beside experience; 0 = never try. Default 0.5. */
  exploration: z.number().min(0).finite().default(0.5),
  /** Of a host so many observations count. Default 100. */
  memory: z.int().min(1).max(1_000_000).default(100),
})

/**
 * Ranks a sample like the default, but takes for the uplink what hosts have been seen to send, plus what they may send
 * that was not seen yet: an upper confidence bound (UCB1; Auer, Cesa-Bianchi and Fischer 2002) in units of the swarm's
 * mean uplink. A declaration counts as one observation. Worth its while where rates are not what hosts declare.
 *
 * What it saves speaks of host slots, which mean the same within one life of a scheduler and in records of it.
 */
export const banditPolicy = policyKind(
  'bandit',
  params,
  ({ exploration, memory, ...ranking }): ParentPolicy => {
    const arms = new RateArms(memory)
    const capacity: CapacityOf = (view, host) => {
      const average = averageCapacity(view.task.meanUplink)
      const declared = view.host.upCapacity[host] || average
      const count = arms.count(host)
      const seen = (declared + arms.mean(host) * count) / (count + 1)
      return seen + exploration * average * Math.sqrt(arms.logTotal / (count + 1))
    }
    const { parents, considered } = new RankedPolicy(ranking, capacity)
    return {
      name: 'bandit',
      version: 1,
      apiVersion: POLICY_API_VERSION,
      parents,
      considered,
      observe(observation) {
        if (observation.type === 'uplink') arms.add(observation.host, observation.rate)
        else arms.forget(observation.host)
      },
      save: () => arms.save(),
      restore: (saved) => arms.restore(saved),
    }
  },
)
