import { resolve } from 'node:path'
import { fromJson } from '@bufbuild/protobuf'
import {
  type ExperimentSpec,
  ExperimentSpecSchema,
  type ExperimentStatus,
  Experiments,
} from '@damselfly/api/experiment'
import { DfError } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import type { CallOptions, Client } from '@damselfly/rpc'
import { experimentSchema } from '@damselfly/scheduler'
import { Interrupted } from '../interrupted.ts'
import type { CommandContext } from '../io.ts'
import { errorFacts } from '../output/report-error.ts'
import { experimentFacts, statusFacts } from './experiment-facts.ts'
import { experimentText, statusText } from './experiment-text.ts'
import { explainedFor, type SchedulerOptions, schedulerLink } from './scheduler-link.ts'

export interface ExperimentFlags extends SchedulerOptions {
  readonly json?: boolean
  readonly verbose?: boolean
}

type Call<T> = (client: Client<typeof Experiments>, options: CallOptions) => Promise<T>

const timeoutMs = 30_000

/** Starts the experiment that a YAML file describes. */
export async function runStart(
  file: string,
  flags: ExperimentFlags,
  context: CommandContext,
): Promise<void> {
  await told(flags, context, async () => {
    const experiment = readSpec(resolve(context.io.cwd, file))
    const { status } = await ask(flags, context, (client, options) =>
      client.startExperiment({ experiment }, options),
    )
    return outcome(status, context)
  })
}

export async function runStatus(flags: ExperimentFlags, context: CommandContext): Promise<void> {
  await told(flags, context, async () => {
    const facts = statusFacts(
      await ask(flags, context, (client, options) => client.getExperiment({}, options)),
    )
    return { facts, text: statusText(facts, context.io) }
  })
}

export async function runStop(flags: ExperimentFlags, context: CommandContext): Promise<void> {
  await told(flags, context, async () => {
    const { status } = await ask(flags, context, (client, options) =>
      client.stopExperiment({}, options),
    )
    return outcome(status, context)
  })
}

/** Checked here already, so that mistakes are told with the file's name. */
function readSpec(file: string): ExperimentSpec {
  const spec = loadConfig({ schema: experimentSchema, file })
  return fromJson(ExperimentSpecSchema, JSON.parse(JSON.stringify(spec)))
}

function outcome(status: ExperimentStatus | undefined, { io }: CommandContext) {
  if (status === undefined) throw new DfError('Internal', 'The scheduler said nothing.')
  const experiment = experimentFacts(status)
  return { facts: { experiment }, text: experimentText(experiment, io) }
}

async function told(
  flags: ExperimentFlags,
  { io, signal }: CommandContext,
  run: () => Promise<{ facts: object; text: string }>,
): Promise<void> {
  try {
    const { facts, text } = await run()
    io.stdout.write(flags.json === true ? `${JSON.stringify(facts)}\n` : text)
  } catch (error) {
    if (flags.json === true) {
      const facts = errorFacts(signal.reason instanceof Interrupted ? signal.reason : error)
      io.stdout.write(`${JSON.stringify({ event: 'error', ...facts })}\n`)
    }
    throw error
  }
}

async function ask<T>(flags: ExperimentFlags, context: CommandContext, call: Call<T>): Promise<T> {
  const { io, signal } = context
  const { channel, address } = await schedulerLink(flags, context)
  if (flags.verbose === true) io.stderr.write(`Scheduler: ${address}\n`)
  try {
    return await call(channel.client(Experiments), { signal, timeoutMs })
  } catch (error) {
    throw explainedFor(address, error)
  } finally {
    channel.close()
  }
}
