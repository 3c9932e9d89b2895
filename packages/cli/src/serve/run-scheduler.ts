import { resolve } from 'node:path'
import { DfError } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { schedulerConfigSchema, startScheduler, unusedKeys } from '@damselfly/scheduler'
import type { CommandContext } from '../io.ts'
import { version } from '../version.ts'
import { serveUntil } from './serve-until.ts'
import { type LogFlags, serviceLog } from './service-log.ts'
import { configFile } from './service-options.ts'
import { warnOfUnusedKeys } from './warn-of-unused-keys.ts'

export interface SchedulerFlags extends LogFlags {
  readonly config?: string
  readonly host?: string
  readonly port?: string
}

const usualConfig = '/etc/dragonfly/scheduler.yaml'

/** Runs a scheduler until it is told to stop. */
export async function runScheduler(flags: SchedulerFlags, context: CommandContext): Promise<void> {
  const { io, signal } = context
  const log = serviceLog('scheduler', flags)
  const named = flags.config === undefined ? undefined : resolve(io.cwd, flags.config)
  const file = await configFile(named, usualConfig)
  const overrides = { server: serverFlags(flags) }
  const config = loadConfig({ schema: schedulerConfigSchema, file, overrides })
  warnOfUnusedKeys(unusedKeys(config), io.stderr, log)
  const scheduler = await startScheduler(config, { log })
  const { host, port } = scheduler.endpoint
  io.stdout.write(`scheduler ${version} serves daemons on ${host}:${port}\n`)
  await serveUntil(scheduler, signal)
}

function serverFlags({ host, port }: SchedulerFlags): Record<string, unknown> {
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    throw new DfError(
      'InvalidArgument',
      `--port: "${port}" is not a port; give a number up to 65535.`,
    )
  }
  return {
    ...(host === undefined ? {} : { listenIP: host, advertiseIP: host }),
    ...(port === undefined ? {} : { port: Number(port), advertisePort: Number(port) }),
  }
}
