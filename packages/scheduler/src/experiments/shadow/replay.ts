import { type Clock, seededRandom } from '@damselfly/core'
import type { ParentPolicy } from '@damselfly/policy'
import { ChoicesCompared, type ComparedChoices } from './choices-compared.ts'
import { type Snapshot, viewOf } from './snapshot.ts'

/**
 * What a policy would have chosen where the one in use made the decisions of these snapshots, and what that would have cost.
 * With the same policy and version all choices are the same again, unless it learns.
 */
export function replay(
  snapshots: Iterable<Snapshot>,
  policy: ParentPolicy,
  { clock }: { readonly clock: Pick<Clock, 'monotonic'> },
): ComparedChoices {
  const compared = new ChoicesCompared()
  for (const snapshot of snapshots) {
    const { child, k, old, chosen, seed } = snapshot
    const view = viewOf(snapshot)
    const out = new Int32Array(k)
    const before = Int32Array.from(old)
    const startedAt = clock.monotonic()
    const count = policy.parents(view, child, k, seededRandom(seed), out, before)
    const micros = (clock.monotonic() - startedAt) * 1_000
    compared.add(Int32Array.from(chosen), out.subarray(0, count), micros)
  }
  return compared.report()
}
