import { type CollectGarbageResponse, Store } from '@damselfly/api/store'
import { DfError, formatDuration, isDfError } from '@damselfly/core'
import { Interrupted } from '../interrupted.ts'
import type { CommandContext } from '../io.ts'
import { type DaemonLink, unavailable } from '../local/daemon-link.ts'
import { runningDaemon } from '../local/find-daemon.ts'
import { errorFacts } from '../output/report-error.ts'
import { type Garbage, garbage } from './garbage.ts'
import { count, gcText } from './gc-text.ts'

export interface GcFlags {
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly endpoint?: string
  readonly dataDir?: string
  readonly verbose?: boolean
}

/** The daemon deletes a few tasks at a time, beside its other work. */
const timeoutMs = 10 * 60_000

/** Lets a running daemon collect garbage, and prints what went and why. */
export async function runGc(flags: GcFlags, context: CommandContext): Promise<void> {
  const { io, signal } = context
  try {
    const found = garbage(await ask(flags, context))
    io.stdout.write(flags.json === true ? json(found) : gcText(found, io))
    if (found.failedTasks > 0) throw notDeleted(found)
  } catch (error) {
    if (flags.json === true) {
      const facts = errorFacts(signal.reason instanceof Interrupted ? signal.reason : error)
      io.stdout.write(`${JSON.stringify({ event: 'error', ...facts })}\n`)
    }
    throw error
  }
}

async function ask(flags: GcFlags, context: CommandContext): Promise<CollectGarbageResponse> {
  const link = await runningDaemon(flags, context)
  if (flags.verbose === true) context.io.stderr.write(`Daemon: ${link.where} (${link.foundBy})\n`)
  try {
    const request = { dryRun: flags.dryRun === true }
    const { signal } = context
    return await link.channel.client(Store).collectGarbage(request, { signal, timeoutMs })
  } catch (error) {
    throw explained(error, link)
  } finally {
    link.channel.close()
  }
}

function explained(error: unknown, link: DaemonLink): unknown {
  if (isDfError(error, 'DaemonUnavailable')) return unavailable(error, link)
  if (isDfError(error, 'Unimplemented')) return notOurs(error, link)
  return isDfError(error, 'Timeout') ? timedOut(error) : error
}

function notOurs(cause: DfError, { where, foundBy }: DaemonLink): DfError {
  return new DfError(
    'Unimplemented',
    `The daemon at ${where} (${foundBy}) cannot be told to collect garbage: it is Dragonfly's, or a Damselfly that is too old. Name another one with --endpoint, or leave it to that daemon's own schedule.`,
    { cause },
  )
}

function timedOut(cause: DfError): DfError {
  const message = `The daemon did not finish within ${formatDuration(timeoutMs)}. What it has deleted is gone, and it stopped there: run the command again to go on.`
  return new DfError('Timeout', message, { cause })
}

function notDeleted({ failedTasks, failure }: Garbage): DfError {
  const why = failure === undefined ? '' : `: ${failure.trim().replace(/\.$/, '')}`
  return new DfError(
    'DiskFailed',
    `${count(failedTasks, 'task')} could not be deleted${why}. Look at the disk of the daemon's storage.dir; the next run tries again.`,
  )
}

const json = (found: Garbage): string =>
  `${JSON.stringify({ event: found.dryRun ? 'planned' : 'collected', ...found })}\n`
