import type { ParentPolicy } from './parent-policy.ts'
import { sampleCandidates } from './sample-candidates.ts'

/** Uniformly random parents: the arm that every cleverer policy has to beat. */
export const randomPolicy: ParentPolicy = {
  name: 'random',
  parents: (view, k, random) => sampleCandidates(view, k, random).map(({ index }) => index),
}
