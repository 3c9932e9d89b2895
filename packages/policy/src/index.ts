export { type ClientParams, type ClientTraits, defaultClientParams } from './client-params.ts'
export type { Considered } from './considered.ts'
export { createPolicy, policyKinds } from './create-policy.ts'
export { type DragonflyTraits, dragonflyRank } from './dragonfly-score.ts'
export {
  MAX_PARENTS,
  type Observation,
  type ParentPolicy,
  POLICY_API_VERSION,
} from './parent-policy.ts'
export { type PolicyKind, policyKind } from './policy-kind.ts'
export { tier } from './proximity.ts'
export { pieceOverhead, type SwarmCapacity, swarmBound } from './swarm-bound.ts'
export {
  type DragonflyBooks,
  type HostColumns,
  offer,
  type PeerColumns,
  type PeerList,
  type Places,
  peerPhase,
  type SwarmView,
  type TaskTraits,
} from './swarm-view.ts'
