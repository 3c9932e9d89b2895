import { z } from 'zod'
import { Candidates } from './candidates.ts'
import { MAX_PARENTS, type ParentPolicy, POLICY_API_VERSION } from './parent-policy.ts'
import { policyKind } from './policy-kind.ts'

/** Uniformly random parents: the arm that every cleverer policy has to beat. */
export const randomPolicy = policyKind('random', z.strictObject({}), (): ParentPolicy => {
  const found = new Candidates(MAX_PARENTS)
  return {
    name: 'random',
    version: 1,
    apiVersion: POLICY_API_VERSION,
    parents(view, child, k, random, out) {
      found.start(view, child)
      found.drawProviders(k, k, random)
      for (let i = 0; i < found.size; i++) out[i] = found.ids[i] as number
      return found.size
    },
  }
})
