import { describe, test } from 'vitest'
import { policyChecks } from './conformance/checks.ts'
import type { ParentPolicy } from './parent-policy.ts'

/** Declares the tests that every policy passes. Call it from a test file; `makePolicy` gives a new one each time. */
export function policyConformance(name: string, makePolicy: () => ParentPolicy): void {
  describe(`${name} as a parent policy`, () => {
    for (const [rule, check] of Object.entries(policyChecks)) {
      test(rule, () => check(makePolicy))
    }
  })
}
