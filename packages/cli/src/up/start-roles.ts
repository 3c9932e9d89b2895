import { pid } from 'node:process'
import type { Log, ServiceStack } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { type DaemonConfig, daemonConfigSchema, startDaemon } from '@damselfly/daemon'
import { type SchedulerConfig, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import type { UpDaemon, UpFile } from '../local/up-file.ts'
import { version } from '../version.ts'
import type { DaemonPlan, UpPlan } from './up-plan.ts'

/** Starts the roles in the order in which they need each other; `stack` stops them. */
export async function startRoles(plan: UpPlan, log: Log, stack: ServiceStack): Promise<UpFile> {
  stack.use(
    'scheduler',
    await startScheduler(schedulerConfig(plan), { log: log.child({ role: 'scheduler' }) }),
  )
  const seed = await startRole('seed', plan.seed, plan, log, stack)
  const peer = await startRole('peer', plan.peer, plan, log, stack)
  return {
    pid,
    version,
    startedAt: new Date().toISOString(),
    scheduler: address(plan.host, plan.scheduler),
    seed,
    peer,
  }
}

async function startRole(
  name: string,
  role: DaemonPlan,
  plan: UpPlan,
  log: Log,
  stack: ServiceStack,
): Promise<UpDaemon> {
  const deps = { log: log.child({ role: name }), version }
  const { endpoints } = stack.use(name, await startDaemon(daemonConfig(role, plan), deps))
  const at = ({ host, port }: { host: string; port: number }): string => address(host, port)
  return {
    socketPath: endpoints.socketPath,
    grpc: at(endpoints.grpc),
    pieces: at(endpoints.pieces),
    health: at(endpoints.health),
    metrics: at(endpoints.metrics),
  }
}

function schedulerConfig({ host, isWildcard, scheduler }: UpPlan): SchedulerConfig {
  const server = {
    listenIP: host,
    port: scheduler,
    advertisePort: scheduler,
    ...(isWildcard ? {} : { advertiseIP: host }),
  }
  return loadConfig({ schema: schedulerConfigSchema, overrides: { server } })
}

function daemonConfig(role: DaemonPlan, { host, isWildcard, scheduler }: UpPlan): DaemonConfig {
  const overrides = {
    // Without it the daemon advertises the first address of the machine.
    ...(isWildcard ? {} : { host: { ip: host } }),
    download: { server: { socketPath: role.socketPath } },
    upload: { server: { ip: host, port: role.grpc } },
    scheduler: { addrs: [address(isWildcard ? loopback(host) : host, scheduler)] },
    seedPeer: { enable: role.isSeed },
    storage: { dir: role.storeDir, server: { ip: host, tcpPort: role.pieces } },
    health: { server: { ip: host, port: role.health } },
    metrics: { server: { ip: host, port: role.metrics } },
  }
  return loadConfig({ schema: daemonConfigSchema, overrides }) as DaemonConfig
}

const loopback = (host: string): string => (host === '::' ? '::1' : '127.0.0.1')

function address(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
