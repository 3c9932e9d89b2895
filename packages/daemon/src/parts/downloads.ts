import { DfError, RateLimiter, type ServiceStack } from '@damselfly/core'
import { ChannelPool } from '@damselfly/rpc'
import { httpSource, sourceRegistry } from '@damselfly/sources'
import { BufferPool, fetchPiece } from '@damselfly/transport'
import type { HostAnnouncer } from '../announce/host-announcer.ts'
import type { HostIdentity } from '../announce/host-identity.ts'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DaemonConfig } from '../config.ts'
import { countedSource } from '../counted-source.ts'
import type { DownloadContext } from '../download/download-context.ts'
import { forgetTask } from '../download/forget-task.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import type { FetchPiece } from '../download/parent-fetch.ts'
import type { DaemonMetrics } from '../metrics.ts'
import type { World } from './world.ts'

/** Receiving has a pool of its own, so that it cannot starve sending: 16 MiB at most. */
const bufferBytes = 1 << 19
const receiveBuffers = 32
const connectMs = 2_000
const lostTimeoutMs = 30_000
/** A parent that froze or lost its network is noticed by what it does not answer. */
const signsOfLife = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 }

interface Parts {
  readonly identity: HostIdentity
  readonly tasks: LiveTasks
  readonly schedulers: SchedulerPool
  readonly announcer: HostAnnouncer
  readonly metrics: DaemonMetrics
}

/** What downloads share: origins, sessions to peers, limits, timing. */
export function downloadContext(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  { identity, tasks, schedulers, announcer, metrics }: Parts,
): DownloadContext {
  const channels = new ChannelPool({ ...world, unavailable: 'PeerUnavailable', ...signsOfLife })
  stack.push('sessions to peers', () => channels.close())
  const sources = origins(config, world, metrics)
  stack.push('sources', () => sources.close())
  const stopping = new AbortController()
  stack.push('downloads', () => stopping.abort(new DfError('Timeout', 'The daemon is stopping.')))
  const limiter = (bytesPerSec: number) => new RateLimiter({ bytesPerSec }, world)
  return {
    ...world,
    host: identity,
    tasks,
    schedulers,
    sources,
    channels,
    fetchPiece: pieceFetcher(config, world),
    stopping: stopping.signal,
    announce: (link, signal) => announcer.announce(link, signal),
    forgetTask: (taskId) =>
      forgetTask(taskId, { ...world, tasks, schedulers, hostId: identity.id }),
    downloadLimiter: limiter(config.download.bandwidthLimit),
    sourceLimiter: limiter(config.download.backToSourceBandwidthLimit),
    settings: { concurrentPieces: config.download.concurrentPieceCount, timing: timing(config) },
  }
}

function origins({ backend }: DaemonConfig, world: World, metrics: DaemonMetrics) {
  const http = httpSource({
    ...world,
    maxRetries: backend.maxRetries,
    timeouts: {
      connectMs: backend.connectTimeout,
      headersMs: backend.headersTimeout,
      idleMs: backend.idleTimeout,
    },
  })
  return sourceRegistry([countedSource(http, metrics)])
}

function pieceFetcher(config: DaemonConfig, world: World): FetchPiece {
  const pool = new BufferPool({ bufferBytes, maxBuffers: receiveBuffers })
  const timeouts = { connectMs, idleMs: config.download.pieceIdleTimeout }
  return ({ length, ...fetch }) =>
    fetchPiece(
      { ...fetch, family: 'standard', expectedLength: length },
      { ...world, pool, timeouts },
    )
}

function timing({ download, scheduler }: DaemonConfig) {
  return {
    starvedMs: download.timing.starvedAfter,
    rescheduleMs: download.timing.reschedulePause,
    maxRescheduleMs: download.timing.maxReschedulePause,
    scheduleTimeoutMs: scheduler.scheduleTimeout,
    lostTimeoutMs,
    patienceMs: download.timing.patience,
    fallbackSpreadMs: download.timing.fallbackSpread,
    reconnectMs: download.timing.reconnectPause,
  }
}
