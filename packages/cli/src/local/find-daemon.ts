import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { DfError } from '@damselfly/core'
import type { CommandContext } from '../io.ts'
import { type DaemonLink, healthyLink, linkTo, parseEndpoint } from './daemon-link.ts'
import { dataDir } from './data-dir.ts'
import { type OnDemandDaemon, onDemandDaemon, startOnDemand } from './on-demand-daemon.ts'
import { resolveAddress } from './resolve-address.ts'
import { readUpFile } from './up-file.ts'

export interface FindOptions {
  readonly endpoint?: string
  readonly schedulers: readonly string[]
  readonly dataDir?: string
}

/** Dragonfly's daemon, or one of ours in its place. */
const systemSocket = '/var/run/dragonfly/dfdaemon.sock'

/**
 * The daemon to download through: the one that was named, else one that runs, else one that is started. Who names a
 * scheduler wants that scheduler, so only a daemon that was started for it will do.
 */
export async function findDaemon(
  options: FindOptions,
  context: CommandContext,
): Promise<DaemonLink> {
  const { io, signal, daemonCommand } = context
  const named = namedDaemon(options, context)
  if (named !== undefined) return named
  const data = dataDir(options.dataDir, io)
  const schedulers = await Promise.all(options.schedulers.map((each) => resolveAddress(each)))
  const onDemand = onDemandDaemon(data, schedulers.flat(), io.env.DAMSELFLY_IDLE_EXIT)
  for await (const { path, foundBy } of candidates(data.upFile, onDemand)) {
    const link = await healthyLink({ path }, foundBy, signal)
    if (link !== undefined) return link
  }
  const dynconfig =
    options.schedulers.length > 0
      ? undefined
      : await firstFile([join(data.root, 'dynconfig.yaml'), '/etc/dragonfly/dynconfig.yaml'])
  return await startOnDemand(onDemand, { data, daemonCommand, dynconfig, signal })
}

/** The daemon that was named, else one that runs; none is started. Throws `DaemonUnavailable`. */
export async function runningDaemon(
  options: Pick<FindOptions, 'endpoint' | 'dataDir'>,
  context: CommandContext,
): Promise<DaemonLink> {
  const named = namedDaemon(options, context)
  if (named !== undefined) return named
  const data = dataDir(options.dataDir, context.io)
  const asked: string[] = []
  for await (const { path, foundBy } of candidates(data.upFile, onDemandDaemon(data, []))) {
    const link = await healthyLink({ path }, foundBy, context.signal)
    if (link !== undefined) return link
    asked.push(path)
  }
  throw new DfError(
    'DaemonUnavailable',
    `No daemon runs: nobody answers on ${asked.join(' or ')}. Start one with "damselfly up" or dfdaemon, or name its socket with --endpoint.`,
  )
}

function namedDaemon(
  { endpoint }: Pick<FindOptions, 'endpoint'>,
  { io }: CommandContext,
): DaemonLink | undefined {
  const named = endpoint ?? io.env.DAMSELFLY_ENDPOINT
  if (named === undefined || named === '') return undefined
  return linkTo(parseEndpoint(named, io.cwd), 'named')
}

async function* candidates(
  upFile: string,
  onDemand: OnDemandDaemon,
): AsyncGenerator<{ path: string; foundBy: string }> {
  const isAnyGood = onDemand.schedulers.length === 0
  const up = isAnyGood ? await readUpFile(upFile) : undefined
  if (up !== undefined) yield { path: up.peer.socketPath, foundBy: 'run by "damselfly up"' }
  yield { path: onDemand.socketPath, foundBy: 'started for an earlier download' }
  if (isAnyGood) yield { path: systemSocket, foundBy: "the host's daemon" }
}

async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      await access(path)
      return path
    } catch {
      // The next one.
    }
  }
  return undefined
}
