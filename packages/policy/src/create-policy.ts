import { DfError } from '@damselfly/core'
import { banditPolicy } from './bandit-policy.ts'
import { defaultPolicy } from './default-policy.ts'
import { dragonflyPolicy } from './dragonfly-policy.ts'
import type { ParentPolicy } from './parent-policy.ts'
import type { PolicyKind } from './policy-kind.ts'
import { randomPolicy } from './random-policy.ts'
import { twoChoicesPolicy } from './two-choices-policy.ts'

/** All that come with the program. */
export const policyKinds: readonly PolicyKind[] = [
  defaultPolicy,
  randomPolicy,
  twoChoicesPolicy,
  dragonflyPolicy,
  banditPolicy,
]

/**
 * The policy that a configuration names. `InvalidConfig` tells which there are, or what is wrong with the parameters;
 * `kinds` has more to choose from.
 */
export function createPolicy(
  name: string,
  params: unknown = {},
  kinds: readonly PolicyKind[] = policyKinds,
): ParentPolicy {
  const kind = kinds.find((one) => one.name === name)
  if (kind !== undefined) return kind.create(params)
  const known = kinds.map((one) => one.name).join(', ')
  throw new DfError('InvalidConfig', `There is no policy "${name}"; there are ${known}.`, {
    details: { policy: name },
  })
}
