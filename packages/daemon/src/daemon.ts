import {
  MIN_PIECE_LENGTH,
  type Running,
  type ServiceStack,
  startWith,
  systemClock,
  systemDisk,
  systemNetwork,
  systemRandom,
} from '@damselfly/core'
import { HostAnnouncer } from './announce/host-announcer.ts'
import { type HostIdentity, hostIdentity } from './announce/host-identity.ts'
import { SchedulerPool } from './announce/scheduler-pool.ts'
import type { DaemonConfig } from './config.ts'
import { Downloads } from './download/downloads.ts'
import { LiveTasks } from './download/live-tasks.ts'
import { IdleExit } from './idle-exit.ts'
import { createMetrics } from './metrics.ts'
import { startDataPlane } from './parts/data.ts'
import { downloadContext } from './parts/downloads.ts'
import { followManager } from './parts/manager.ts'
import { type Address, startServers } from './parts/servers.ts'
import { openConfiguredStore } from './parts/store.ts'
import { keepStore } from './parts/store-care.ts'
import { startUploads } from './parts/uploads.ts'
import type { DaemonDeps, World } from './parts/world.ts'
import { watchProcess } from './process-metrics.ts'
import type { DaemonContext } from './rpc/context.ts'
import { TrafficMeter } from './upload/traffic-meter.ts'

export interface RunningDaemon extends Running {
  readonly identity: HostIdentity
  readonly endpoints: {
    readonly socketPath: string
    readonly grpc: Address
    readonly pieces: Address
    readonly health: Address
    readonly metrics: Address
  }
  /** Resolves when nothing was asked for `idleExit`; the owner then stops the daemon. Never without that setting. */
  readonly idle: Promise<void>
}

/** Starts a dfdaemon, `peer` or `seed`; ready to be asked when the promise resolves. */
export function startDaemon(config: DaemonConfig, deps: DaemonDeps): Promise<RunningDaemon> {
  const world: World = {
    clock: systemClock,
    random: systemRandom,
    network: systemNetwork,
    disk: systemDisk,
    sources: [],
    minPieceLength: MIN_PIECE_LENGTH,
    ...deps,
  }
  return startWith((stack) => start(config, world, stack))
}

async function start(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
): Promise<RunningDaemon> {
  const { clock } = world
  const identity = hostIdentity({ ...config.host, isSeed: config.seedPeer.enable })
  const metrics = createMetrics(world.version)
  stack.push('process watch', watchProcess(metrics.registry))
  const store = await openConfiguredStore(config, world)
  stack.push('store', () => store.close())
  const idle = Promise.withResolvers<void>()
  const idleExit = new IdleExit(config.idleExit, idle.resolve, clock)
  stack.push('idle timer', () => idleExit.stop())

  const sent = new TrafficMeter(clock)
  const received = new TrafficMeter(clock)
  const tasks = new LiveTasks(store, ({ trafficType, length }) => {
    metrics.downloadTraffic.inc({ type: trafficType }, length)
    received.add(length)
  })
  const { data, sources } = startDataPlane(config, world, stack)
  const busy = (): (() => void) => idleExit.busy()
  const uploads = await startUploads(config, data, { ...world, tasks, metrics, sent, busy })
  const pieces = stack.use('piece server', uploads)
  const schedulers = schedulerPool(config, world)
  stack.push('scheduler sessions', () => schedulers.close())

  let grpcPort = 0
  const announcer = new HostAnnouncer(
    {
      identity,
      config,
      version: world.version,
      port: () => grpcPort,
      diskSpace: () => store.space(),
    },
    { ...world, schedulers },
  )
  const download = downloadContext(config, world, stack, {
    identity,
    tasks,
    schedulers,
    announcer,
    metrics,
    sources,
    data,
    controlPort: () => grpcPort,
    piecePort: () => pieces.endpoint.port,
  })
  const storeCare = keepStore(config, world, stack, {
    store,
    tasks,
    metrics,
    schedulers,
    hostId: identity.id,
    isBusy: () => idleExit.isBusy,
  })
  const context: DaemonContext = {
    ...download,
    downloads: new Downloads(download),
    storeCare,
    metrics,
    sent,
    received,
    isSharing: !config.upload.disableShared,
    limits: {
      maxTxBytesPerSec: config.upload.bandwidthLimit,
      maxRxBytesPerSec: config.download.bandwidthLimit,
    },
    offer: pieces.offer,
    pieceAddress: () => ({ ip: identity.ip, tcpPort: pieces.endpoint.port }),
    busy,
    leave: () => announcer.leave(),
  }
  const servers = await startServers(config, world, stack, { context, store })
  grpcPort = servers.grpc.port
  const { followings } = download
  await followManager(config, world, stack, { identity, schedulers, announcer, followings })
  // Last, and so the first to stop: nobody is sent here before we can serve, or while we stop.
  await announcer.start()
  followings.sync()
  stack.push('host announcer', () => announcer.stop())

  world.log.info({ hostId: identity.id, port: grpcPort, seed: identity.isSeed }, 'daemon started')
  return {
    ...stack.toRunning(),
    identity,
    idle: idle.promise,
    endpoints: {
      ...servers,
      grpc: { host: identity.ip, port: grpcPort },
      pieces: { host: identity.ip, port: pieces.endpoint.port },
    },
  }
}

function schedulerPool({ scheduler, interop }: DaemonConfig, world: World): SchedulerPool {
  const ring = scheduler.ring ?? (interop.dragonfly ? 'dragonfly' : 'hrw')
  const { addrs: addresses, answerTimeout: answerTimeoutMs } = scheduler
  return new SchedulerPool({ addresses, ring, answerTimeoutMs }, world)
}
