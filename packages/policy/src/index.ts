export { createDefaultPolicy, type DefaultPolicyOptions } from './default-policy.ts'
export type { Candidate, ParentPolicy, ParentView, Place } from './parent-policy.ts'
export { randomPolicy } from './random-policy.ts'
