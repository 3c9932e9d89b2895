import { DfError } from '@damselfly/core'
import { z } from 'zod'
import type { ParentPolicy } from './parent-policy.ts'

/** What a configuration may name: a policy before its parameters are known. */
export interface PolicyKind {
  readonly name: string
  /** What the parameters may be, as JSON Schema. */
  readonly paramsSchema: object
  /** All parameters with their defaults. */
  create(params?: unknown): ParentPolicy
}

/** `params` are strict objects with defaults: unknown keys are errors, and nothing need be given. */
export function policyKind<Schema extends z.ZodType>(
  name: string,
  params: Schema,
  make: (params: z.output<Schema>) => ParentPolicy,
): PolicyKind {
  return {
    name,
    paramsSchema: z.toJSONSchema(params, { io: 'input' }),
    create(given = {}) {
      const result = params.safeParse(given)
      if (result.success) return make(result.data)
      const problems = z.prettifyError(result.error)
      throw new DfError(
        'InvalidConfig',
        `The parameters of the policy "${name}" are not valid:\n${problems}`,
        { cause: result.error, details: { policy: name } },
      )
    },
  }
}
