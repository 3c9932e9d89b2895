import type { DeepReadonly } from '@damselfly/core/config'
import { z } from 'zod'
import { experimentSchema, policyChoice } from './experiment-schema.ts'

const share = z.number().min(0).max(1)

/** `scheduler.experiment` of scheduler.yaml. */
export const experimentsConfigSchema = z.strictObject({
  /** Directory for what is written down about swarms and decisions. Default: nothing is, and a restart forgets. */
  dir: z.string().min(1).optional(),
  /** An experiment that runs from the start on, unless the directory knows one of that name or one that runs. */
  run: experimentSchema.optional(),
  /** A policy that is asked along with the one in use and never obeyed. Default: none. */
  shadow: z
    .strictObject({
      policy: policyChoice,
      /** Share of the decisions that it is asked for. Default 0.01. */
      share: share.default(0.01),
    })
    .optional(),
  /** Share of the decisions that is written down for replay; needs `dir`. Default 0. */
  snapshotShare: share.default(0),
})

export type ExperimentsConfig = DeepReadonly<z.output<typeof experimentsConfigSchema>>
