import {
  type Clock,
  type Disk,
  type Log,
  type Network,
  type Random,
  type Running,
  repeatingTask,
  silentLog,
  startWith,
  systemClock,
  systemDisk,
  systemRandom,
} from '@damselfly/core'
import { createPolicy, type ParentPolicy } from '@damselfly/policy'
import { startRpcServer } from '@damselfly/rpc'
import type { Registry } from 'prom-client'
import type { SchedulerConfig } from './config.ts'
import type { SchedulerCoreDeps } from './core/core-state.ts'
import { SchedulerCore } from './core/scheduler-core.ts'
import { Driver } from './driver.ts'
import { addExperimentMetrics } from './experiments/experiment-metrics.ts'
import { startExperiments } from './experiments/start-experiments.ts'
import { createMetrics, type SchedulerMetrics } from './metrics.ts'
import { startMetricsServer } from './metrics-server.ts'
import { defaultGuard, type GuardDeps, guardedPolicy } from './policy/guarded-policy.ts'
import { loadPolicy } from './policy/load-policy.ts'
import { type Replicas, type ReplicasDeps, startReplicas } from './replicas/start-replicas.ts'
import { longStreams, services } from './rpc/services.ts'
import { SeedTriggers } from './seed-triggers.ts'
import { SwarmMetrics } from './swarm-metrics.ts'

export interface SchedulerDeps {
  clock?: Clock
  random?: Random
  network?: Network
  /** For what experiments write down. */
  disk?: Disk
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
  const { clock = systemClock, random = systemRandom, disk = systemDisk } = deps
  const { network, log = silentLog } = deps
  return startWith(async (stack) => {
    const experiments = await startExperiments(config.scheduler.experiment, {
      clock,
      random,
      disk,
      log: log.child({ component: 'experiments' }),
      core: () => core,
      tickMs: TICK_MS,
    })
    stack.push('experiments', () => experiments.stop())
    const policy = await choosePolicy(config, {
      clock,
      onDemoted: (why) => {
        log.error({ policy: policy.name, why }, 'a policy has been replaced by the default one')
        swarmMetrics.demoted(config.scheduler.policy?.name ?? '')
      },
    })
    const core = createCore(config, {
      policy: experiments.watched(policy),
      random,
      chooseArm(taskId, bornAt) {
        const arm = experiments.chooseArm(taskId, bornAt)
        swarmMetrics.born(taskId, bornAt, arm)
        return arm
      },
    })
    const metrics = createMetrics(core)
    const swarmMetrics = new SwarmMetrics(metrics.registry, core)
    addExperimentMetrics(metrics.registry, experiments.experiments)
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
    const replicas = replicasOf(config, { core, metrics, clock, random, network, log })
    if (replicas !== undefined) stack.push('replicas', () => replicas.stop())
    const told = { metrics, swarmMetrics, experiments, log }
    const driver = new Driver({ ...told, core, clock, seeds, replicas, instance: random.uuid() })
    stack.push('seed triggers', () => seeds.stop())
    stack.push('driver', () => driver.stop())

    const ticks = repeatingTask(
      () => driver.apply({ type: 'tick' }),
      { name: 'tick', intervalMs: TICK_MS, jitter: 0 },
      { clock, random, log },
    )
    stack.push('ticks', () => ticks.stop())

    const metricsServer = config.metrics.enable
      ? await startMetricsServer(config.metrics.addr, metrics.registry, core)
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
        ...(network === undefined ? {} : { network }),
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

function replicasOf(
  { scheduler: { replicas, gc } }: SchedulerConfig,
  { metrics, ...deps }: Omit<ReplicasDeps, 'registry'> & { metrics: SchedulerMetrics },
): Replicas | undefined {
  if (replicas === undefined) return undefined
  const log = deps.log.child({ component: 'replicas' })
  const options = { ...replicas, intervalMs: replicas.interval, ttlMs: gc.peerTTL }
  return startReplicas(options, { ...deps, registry: metrics.registry, log })
}

/** Streams of downloads live for hours: there is nothing to wait for when the scheduler stops. */
const GRACE_MS = 500

/** What comes from outside is watched; what comes with the program has been tested with it. */
async function choosePolicy(
  { scheduler: { policy, algorithm } }: SchedulerConfig,
  deps: Omit<GuardDeps, 'fallback'>,
): Promise<ParentPolicy> {
  if (policy === undefined) return createPolicy(algorithm)
  const loaded = await loadPolicy(policy)
  if (policy.directory === undefined) return loaded
  const guard = { ...defaultGuard, budgetMs: policy.budget }
  return guardedPolicy(loaded, guard, { ...deps, fallback: createPolicy('default') })
}

/** About ten milliseconds of work with all that it takes to send them. */
const ANSWERS_PER_EVENT = 100

function createCore({ scheduler }: SchedulerConfig, deps: SchedulerCoreDeps): SchedulerCore {
  const { gc } = scheduler
  return new SchedulerCore(
    {
      parentLimit: scheduler.candidateParentLimit,
      pieceDownloadTimeoutMs: gc.pieceDownloadTimeout,
      peerTtlMs: gc.peerTTL,
      peerGcIntervalMs: gc.peerGCInterval,
      taskGcIntervalMs: gc.taskGCInterval,
      hostTtlMs: gc.hostTTL,
      answersPerEvent: ANSWERS_PER_EVENT,
    },
    deps,
  )
}
