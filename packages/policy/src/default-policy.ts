import { z } from 'zod'
import { measuredCapacity } from './capacity.ts'
import { POLICY_API_VERSION } from './parent-policy.ts'
import { policyKind } from './policy-kind.ts'
import { RankedPolicy } from './ranked-policy.ts'
import { rankingParams } from './ranking-params.ts'

const params = rankingParams.extend({
  /** Observations that make a measured uplink count. Default 8. */
  minSamples: z.int().min(1).max(65_535).default(8),
})

/** Ranks a sample by declared and measured uplinks. */
export const defaultPolicy = policyKind('default', params, ({ minSamples, ...ranking }) => {
  const { parents, considered } = new RankedPolicy(ranking, measuredCapacity(minSamples))
  return { name: 'default', version: 1, apiVersion: POLICY_API_VERSION, parents, considered }
})
