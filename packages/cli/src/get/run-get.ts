import { basename } from 'node:path'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import {
  DfError,
  deadline,
  formatDuration,
  isDfError,
  linkSignals,
  systemClock,
} from '@damselfly/core'
import { type DownloadProgress, downloadTo } from '../download/download-to.ts'
import type { CommandContext } from '../io.ts'
import { type DaemonLink, unavailable } from '../local/daemon-link.ts'
import { findDaemon } from '../local/find-daemon.ts'
import type { ProgressReporter } from '../output/progress.ts'
import { checkOutput } from './check-output.ts'
import { EarlyOutput } from './early-output.ts'
import type { GetFlags } from './get-flags.ts'
import { type GetArguments, type GetRequest, getRequest } from './get-request.ts'
import { ReceivedFile } from './received-file.ts'
import { createReporter } from './reporter.ts'

/** The daemon keeps to the time limit itself; this is for one that hangs. */
const daemonGraceMs = 5_000

interface Running {
  readonly request: GetRequest
  readonly flags: GetFlags
  readonly context: CommandContext
  readonly reporter: ProgressReporter
}

/** Downloads one URL to one file, through a daemon. */
export async function runGet(args: GetArguments, context: CommandContext): Promise<void> {
  const { flags } = args
  const now = (): number => systemClock.monotonic()
  const startedAtMs = now()
  const request = getRequest(args, context.io.cwd)
  const reporter = await createReporter(request, { flags, io: context.io, now })
  try {
    await checkOutput(request.output, request)
    const done = await withDaemon({ request, flags, context, reporter })
    const { output } = request
    const elapsedMs = now() - startedAtMs
    const { sizeBytes, shares } = done
    reporter.finished({ name: basename(output), output, sizeBytes, elapsedMs, shares }, done)
  } catch (error) {
    const { signal } = context
    reporter.failed(signal.aborted ? signal.reason : error)
    throw error
  }
}

/** A daemon started for an earlier download may leave in the very moment it is asked; then another one is. */
async function withDaemon(running: Running): Promise<DownloadProgress> {
  const state = { hasStarted: false }
  try {
    return await attempt(running, state)
  } catch (error) {
    const isGone = isDfError(error, 'DaemonUnavailable') && !state.hasStarted
    if (!isGone || endpointOf(running) !== undefined || running.context.signal.aborted) throw error
    return await attempt(running, state)
  }
}

async function attempt(
  running: Running,
  state: { hasStarted: boolean },
): Promise<DownloadProgress> {
  const { flags, context } = running
  const endpoint = endpointOf(running)
  const link = await findDaemon(
    {
      schedulers: flags.scheduler ?? [],
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(flags.dataDir === undefined ? {} : { dataDir: flags.dataDir }),
    },
    context,
  )
  if (flags.verbose === true || ['debug', 'trace'].includes(flags.logLevel ?? '')) {
    context.io.stderr.write(`Daemon: ${link.where} (${link.foundBy})\n`)
  }
  try {
    return await download(running, link, state)
  } catch (error) {
    if (isDfError(error, 'DaemonUnavailable')) throw unavailable(error, link)
    // A bare status: what answers has no such call. A daemon's own refusals have more than that.
    const isNoDaemon = isDfError(error, 'Unimplemented') && error.details.grpcStatus !== undefined
    throw isNoDaemon ? wrongSocket(error, link) : error
  } finally {
    link.channel.close()
  }
}

function endpointOf({ flags, context }: Running): string | undefined {
  return [flags.endpoint, context.io.env.DAMSELFLY_ENDPOINT].find(
    (text) => text !== undefined && text !== '',
  )
}

async function download(
  { request, context, reporter }: Running,
  link: DaemonLink,
  state: { hasStarted: boolean },
): Promise<DownloadProgress> {
  const client = link.channel.client(DfdaemonDownload)
  using limit = deadline(systemClock, request.timeoutMs + daemonGraceMs, () => timedOut(request))
  using linked = linkSignals(context.signal, limit.signal)
  const target = await openTarget(request)
  try {
    const { download } = request
    const states = downloadTo(client, { download, signal: linked.signal, ...target.receive })
    for (;;) {
      const { done, value } = await states.next()
      if (done === true) {
        await target.finish()
        return value
      }
      if (state.hasStarted) {
        reporter.progress(value)
        continue
      }
      state.hasStarted = true
      await target.started()
      reporter.started(value)
    }
  } catch (error) {
    await target.failed()
    throw error
  }
}

interface Target {
  readonly receive: { readonly write?: (bytes: Uint8Array, position: number) => Promise<void> }
  started(): Promise<void>
  finish(): Promise<void>
  failed(): Promise<void>
}

/** Who writes the output: this process, or the daemon. */
async function openTarget(request: GetRequest): Promise<Target> {
  if (!request.isTransfer) {
    const early = await EarlyOutput.watch(request.output)
    return {
      receive: {},
      started: () => early.started(),
      finish: async () => {},
      failed: () => early.failed(),
    }
  }
  const file = await ReceivedFile.create(request.output)
  const { digest } = request.download
  return {
    receive: { write: (bytes, position) => file.write(bytes, position) },
    started: async () => {},
    async finish() {
      if (digest !== undefined) await file.verify(digest)
      await file.finish(request)
      await file.discard()
    },
    failed: () => file.discard(),
  }
}

function timedOut({ timeoutMs }: GetRequest): DfError {
  const message = `The daemon did not finish within ${formatDuration(timeoutMs)}: run the command again to go on with what has arrived, or allow more time with --timeout.`
  return new DfError('Timeout', message)
}

function wrongSocket(cause: DfError, { where, foundBy }: DaemonLink): DfError {
  return new DfError(
    'InvalidArgument',
    `${where} is not a daemon's download socket (${foundBy}): what answers there does not serve downloads. Name the path of download.server.socketPath in the daemon's configuration, e.g. /var/run/dragonfly/dfdaemon.sock.`,
    { cause },
  )
}
