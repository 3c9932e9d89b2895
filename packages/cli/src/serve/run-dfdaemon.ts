import { resolve } from 'node:path'
import { DfError, type Log } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import {
  type DaemonConfig,
  daemonConfigSchema,
  type RunningDaemon,
  startDaemon,
  unusedKeys,
} from '@damselfly/daemon'
import type { CommandContext } from '../io.ts'
import { resolveAddress } from '../local/resolve-address.ts'
import { version } from '../version.ts'
import { dynconfigSchedulers } from './dynconfig.ts'
import { serveUntil } from './serve-until.ts'
import { type LogFlags, serviceLog } from './service-log.ts'
import { configFile } from './service-options.ts'
import { warnOfUnusedKeys } from './warn-of-unused-keys.ts'

export interface DfdaemonFlags extends LogFlags {
  readonly config?: string
  readonly dynconfig?: string
  readonly scheduler?: readonly string[]
  readonly seed?: boolean
}

const usualConfig = '/etc/dragonfly/dfdaemon.yaml'
const usualDynconfig = '/etc/dragonfly/dynconfig.yaml'

/** Runs a daemon until it is told to stop, or has been idle for as long as its configuration says. */
export async function runDfdaemon(flags: DfdaemonFlags, context: CommandContext): Promise<void> {
  const { io, signal } = context
  const log = serviceLog('dfdaemon', flags)
  const config = await daemonConfig(flags, { cwd: io.cwd, log })
  warnOfUnusedKeys(unusedKeys(config), io.stderr, log)
  const daemon = await startDaemon(config, { log, version })
  io.stdout.write(`${servesLine(daemon, config)}\n`)
  await serveUntil(daemon, signal, daemon.idle)
}

/** Schedulers of a flag win over those in the configuration, and these over the dynconfig file. */
async function daemonConfig(
  flags: DfdaemonFlags,
  { cwd, log }: { cwd: string; log: Log },
): Promise<DaemonConfig> {
  const at = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(cwd, path)
  const file = await configFile(at(flags.config), usualConfig)
  const named = (flags.scheduler ?? []).map((address) => resolveAddress(address))
  const overrides = {
    ...(flags.seed === undefined ? {} : { seedPeer: { enable: flags.seed } }),
    ...(named.length === 0 ? {} : { scheduler: { addrs: (await Promise.all(named)).flat() } }),
  }
  const config = loadConfig({ schema: daemonConfigSchema, file, overrides }) as DaemonConfig
  if (config.scheduler.addrs.length > 0) return config
  const addrs = await fromDynconfig(await configFile(at(flags.dynconfig), usualDynconfig), log)
  return { ...config, scheduler: { ...config.scheduler, addrs: [...addrs] } }
}

/** A name that does not resolve costs the swarm, not the daemon: downloads then go to the origin. */
async function fromDynconfig(file: string | undefined, log: Log): Promise<readonly string[]> {
  if (file === undefined) return []
  try {
    return await dynconfigSchedulers(file)
  } catch (error) {
    const failure = DfError.from(error)
    if (failure.code !== 'SchedulerUnavailable') throw failure
    log.warn({ err: failure, file }, 'no scheduler: downloads go to the origin')
    return []
  }
}

function servesLine(
  { endpoints, identity }: RunningDaemon,
  { scheduler, manager }: DaemonConfig,
): string {
  const at = ({ host, port }: { host: string; port: number }): string => `${host}:${port}`
  const named =
    scheduler.addrs.length === 0
      ? 'without a scheduler'
      : `with scheduler ${scheduler.addrs.join(', ')}`
  const swarm = manager.addr === undefined ? named : `with the schedulers of ${manager.addr}`
  const parts = [
    `local API ${endpoints.socketPath}`,
    `peers ${at(endpoints.grpc)}`,
    `pieces ${at(endpoints.pieces)}`,
    `health ${at(endpoints.health)}`,
    `metrics ${at(endpoints.metrics)}`,
  ]
  const role = identity.isSeed ? 'seed' : 'peer'
  return `dfdaemon ${version} serves as ${role} ${identity.id} ${swarm}: ${parts.join(', ')}`
}
