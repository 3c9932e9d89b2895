import { DfError } from '@damselfly/core'
import { z } from 'zod'
import {
  type Arm,
  CONTROL,
  clientParameterNames,
  type Experiment,
  guardrailNames,
} from './experiment.ts'

const MAX_CANDIDATES = 4

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'expected lower-case letters, digits, ".", "_" and "-"')
const weight = z.number().positive().max(1_000).default(1)

export const policyChoice = z.strictObject({
  name: z.string().min(1).max(64),
  /** As the policy's own schema wants them. */
  params: z.record(z.string(), z.unknown()).default({}),
})

const candidate = z.strictObject({
  name: name.refine((given) => given !== CONTROL, 'is the name of what exists today'),
  /** How parents are chosen. Default: as configured. */
  policy: policyChoice.optional(),
  /** What clients are told to do differently. */
  client: z.partialRecord(z.enum(clientParameterNames), z.number().nonnegative()).default({}),
  /** Share of the swarms, relative to the others. Default 1. */
  weight,
})

/** An experiment as people write it: the candidates; the control is always there. */
export const experimentSchema = z
  .strictObject({
    name,
    /** Decides which swarm gets which arm. Default: the name. */
    salt: z.string().min(1).max(64).optional(),
    candidates: z.array(candidate).min(1).max(MAX_CANDIDATES),
    /** Share of the swarms that go on as before. Default 1. */
    controlWeight: weight,
    /** Smaller swarms are not counted. Default 20. */
    minPeers: z.number().int().min(2).default(20),
    /** So many swarms of an arm without an answer end the experiment. Default 5000. */
    maxSwarmsPerArm: z.number().int().min(30).max(1_000_000).default(5_000),
    /** How much worse each guardrail may get; docs/experiments.md has the usual margins. */
    margins: z.partialRecord(z.enum(guardrailNames), z.number().positive().max(10)).default({}),
  })
  .refine(
    ({ candidates }) => new Set(candidates.map((each) => each.name)).size === candidates.length,
    { path: ['candidates'], error: 'two candidates have the same name' },
  )

export type ExperimentSpec = z.input<typeof experimentSchema>

/** Checks a description and completes it. Throws `InvalidArgument` that names every mistake. */
export function parseExperiment(spec: unknown): Experiment {
  const result = experimentSchema.safeParse(spec)
  if (!result.success) {
    const problems = z.prettifyError(result.error)
    throw new DfError('InvalidArgument', `The experiment is not valid:\n${problems}`)
  }
  const { candidates, controlWeight, salt, ...rest } = result.data
  const control: Arm = { name: CONTROL, client: {}, weight: controlWeight }
  const others = candidates.map(({ policy, ...arm }): Arm => {
    return policy === undefined ? arm : { ...arm, policy }
  })
  return { ...rest, salt: salt ?? rest.name, arms: [control, ...others] }
}
