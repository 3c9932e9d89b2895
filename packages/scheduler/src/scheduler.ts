import {
  type Clock,
  type Log,
  type Network,
  type Random,
  type Running,
  repeatingTask,
  silentLog,
  startWith,
  systemClock,
  systemRandom,
} from '@damselfly/core'
import { createDefaultPolicy, type ParentPolicy, randomPolicy } from '@damselfly/policy'
import { startRpcServer } from '@damselfly/rpc'
import type { Registry } from 'prom-client'
import type { SchedulerConfig } from './config.ts'
import { SchedulerCore } from './core/scheduler-core.ts'
import { Driver } from './driver.ts'
import { createMetrics } from './metrics.ts'
import { startMetricsServer } from './metrics-server.ts'
import { longStreams, services } from './rpc/services.ts'
import { SeedTriggers } from './seed-triggers.ts'

export interface SchedulerDeps {
  clock?: Clock
  random?: Random
  /** For the calls to seeds. */
  network?: Network
  log?: Log
}

export interface RunningScheduler extends Running {
  /** Where gRPC is served, with the real port. */
  readonly endpoint: { readonly host: string; readonly port: number }
  /** Where `/metrics` is served, when it is. */
  readonly metricsEndpoint: { readonly host: string; readonly port: number } | undefined
  readonly metrics: Registry
  /** For tests and diagnosis. */
  readonly core: SchedulerCore
}

const TICK_MS = 1_000

/** Starts a scheduler; resolves when it takes calls. */
export function startScheduler(
  config: SchedulerConfig,
  deps: SchedulerDeps = {},
): Promise<RunningScheduler> {
  const { clock = systemClock, random = systemRandom, network, log = silentLog } = deps
  return startWith(async (stack) => {
    const core = createCore(config, random)
    const metrics = createMetrics(core)
    const seeds = new SeedTriggers({
      clock,
      network,
      log: log.child({ component: 'seeds' }),
      timeoutMs: config.seedPeer.taskDownloadTimeout,
      onEnded: (triggerId, error) =>
        driver.apply({
          type: 'seedTriggerEnded',
          triggerId,
          ...(error === undefined ? {} : { error }),
        }),
    })
    const driver = new Driver({ core, clock, metrics, seeds, log })
    stack.push('seed triggers', () => seeds.stop())

    const ticks = repeatingTask(
      () => driver.apply({ type: 'tick' }),
      { name: 'tick', intervalMs: TICK_MS, jitter: 0 },
      { clock, random, log },
    )
    stack.push('ticks', () => ticks.stop())

    const metricsServer = config.metrics.enable
      ? await startMetricsServer(config.metrics.addr, metrics.registry)
      : undefined
    if (metricsServer !== undefined) stack.push('metrics', () => metricsServer.stop())

    const listen = { host: config.server.listenIP, port: config.server.port }
    const server = stack.use(
      'gRPC server',
      await startRpcServer({
        listen,
        services: services(driver),
        log: log.child({ component: 'rpc' }),
        health: ['scheduler.v2.Scheduler'],
        longStreams,
        graceMs: GRACE_MS,
        clock,
      }),
    )
    const endpoint = { ...listen, port: 'port' in server.endpoint ? server.endpoint.port : 0 }
    log.info({ endpoint }, 'scheduler started')
    return {
      ...stack.toRunning(),
      endpoint,
      metricsEndpoint: metricsServer && { host: metricsServer.host, port: metricsServer.port },
      metrics: metrics.registry,
      core,
    }
  })
}

/** Streams of downloads live for hours: there is nothing to wait for when the scheduler stops. */
const GRACE_MS = 500

const policies: Readonly<Record<SchedulerConfig['scheduler']['algorithm'], () => ParentPolicy>> = {
  default: () => createDefaultPolicy(),
  random: () => randomPolicy,
}

function createCore({ scheduler }: SchedulerConfig, random: Random): SchedulerCore {
  const { gc } = scheduler
  return new SchedulerCore(
    {
      parentLimit: scheduler.candidateParentLimit,
      pieceDownloadTimeoutMs: gc.pieceDownloadTimeout,
      peerTtlMs: gc.peerTTL,
      peerGcIntervalMs: gc.peerGCInterval,
      taskGcIntervalMs: gc.taskGCInterval,
      hostTtlMs: gc.hostTTL,
    },
    { policy: policies[scheduler.algorithm](), random },
  )
}
