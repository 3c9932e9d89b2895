export { type ClientParams, type ClientTraits, defaultClientParams } from './client-params.ts'
export { createPolicy, policyKinds } from './create-policy.ts'
export {
  MAX_PARENTS,
  type Observation,
  type ParentPolicy,
  POLICY_API_VERSION,
} from './parent-policy.ts'
export { type PolicyKind, policyKind } from './policy-kind.ts'
export { pieceOverhead, type SwarmCapacity, swarmBound } from './swarm-bound.ts'
export {
  type DragonflyBooks,
  type HostColumns,
  type PeerColumns,
  type PeerList,
  peerPhase,
  type SwarmView,
  type TaskTraits,
} from './swarm-view.ts'
