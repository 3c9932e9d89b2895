import { Swarm } from '@damselfly/api/swarm'
import { DfError, isDfError } from '@damselfly/core'
import { explainedFor, type SchedulerOptions, schedulerLink } from '../experiment/scheduler-link.ts'
import { Interrupted } from '../interrupted.ts'
import type { CommandContext } from '../io.ts'
import { errorFacts } from '../output/report-error.ts'
import { slowHosts } from './slow-hosts.ts'
import { parseSwarmDump, type SwarmDump } from './swarm-dump.ts'
import { whyText } from './why-text.ts'

export interface WhyFlags extends Omit<SchedulerOptions, 'scheduler'> {
  /** `host:port`, several of them with commas. */
  readonly scheduler?: string
  readonly decisions: number
  readonly of?: string
  readonly json?: boolean
  readonly verbose?: boolean
}

const timeoutMs = 10_000

type Answer =
  | { readonly address: string; readonly swarm: SwarmDump }
  | { readonly address: string; readonly error: unknown }

/** Asks the schedulers about a task. A swarm may be known to several of them: after one was lost, or came back. */
export async function runWhy(
  taskId: string,
  flags: WhyFlags,
  context: CommandContext,
): Promise<void> {
  const { io, signal } = context
  try {
    const named = (flags.scheduler ?? io.env.DAMSELFLY_SCHEDULER)?.split(',') ?? [undefined]
    const answers = await Promise.all(named.map((one) => ask(taskId, one?.trim(), flags, context)))
    signal.throwIfAborted()
    const known = answers.filter((answer) => 'swarm' in answer)
    const failed = answers.filter((answer) => 'error' in answer)
    if (known.length === 0) throw nobodyKnows(taskId, failed)
    for (const { address, error } of failed) {
      if (isDfError(error, 'TaskNotFound')) continue
      io.stderr.write(`warning: ${DfError.from(explained(address, error)).message}\n`)
    }
    if (flags.json === true) {
      const swarms = known.map(({ address, swarm }) => ({ address, slow: slowHosts(swarm), swarm }))
      io.stdout.write(`${JSON.stringify({ taskId, swarms })}\n`)
      return
    }
    if (known.length > 1) io.stdout.write(`${known.length} schedulers know this task.\n\n`)
    const texts = known.map(({ address, swarm }) => whyText(swarm, { ...flags, address }, io))
    io.stdout.write(texts.join('\n'))
  } catch (error) {
    if (flags.json === true) {
      const facts = errorFacts(signal.reason instanceof Interrupted ? signal.reason : error)
      io.stdout.write(`${JSON.stringify({ event: 'error', ...facts })}\n`)
    }
    throw error
  }
}

async function ask(
  taskId: string,
  scheduler: string | undefined,
  { dataDir, verbose }: WhyFlags,
  context: CommandContext,
): Promise<Answer> {
  const { io, signal } = context
  const options = { ...(scheduler && { scheduler }), ...(dataDir && { dataDir }) }
  const { channel, address } = await schedulerLink(options, context)
  if (verbose === true) io.stderr.write(`Scheduler: ${address}\n`)
  try {
    const { json } = await channel.client(Swarm).dumpSwarm({ taskId }, { signal, timeoutMs })
    return { address, swarm: parseSwarmDump(json) }
  } catch (error) {
    return { address, error }
  } finally {
    channel.close()
  }
}

/** Whoever could not be asked is told first: it may be the one that knows. */
function nobodyKnows(
  taskId: string,
  failed: readonly { readonly address: string; readonly error: unknown }[],
): unknown {
  const unasked = failed.find(({ error }) => !isDfError(error, 'TaskNotFound'))
  if (unasked !== undefined) return explained(unasked.address, unasked.error)
  const addresses = failed.map(({ address }) => address).join(', ')
  const who =
    failed.length === 1
      ? `The scheduler at ${addresses} does not know`
      : `None of ${addresses} knows`
  return new DfError(
    'TaskNotFound',
    `${who} the task ${taskId}. Nobody asked for it there, or everybody who had it is gone; with several schedulers, name them all with --scheduler.`,
    { details: { taskId } },
  )
}

function explained(address: string, error: unknown): unknown {
  if (!isDfError(error, 'Unimplemented')) return explainedFor(address, error)
  return new DfError(
    'Unimplemented',
    `The scheduler at ${address} cannot explain: it is Dragonfly's, or a Damselfly that is too old.`,
    { cause: error },
  )
}
