import { DfError, FairSlots, RateLimiter, type ServiceStack } from '@damselfly/core'
import { ChannelPool } from '@damselfly/rpc'
import type { SourceRegistry } from '@damselfly/sources'
import type { PeerFeatures } from '@damselfly/transport'
import type { HostAnnouncer } from '../announce/host-announcer.ts'
import type { HostIdentity } from '../announce/host-identity.ts'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DaemonConfig } from '../config.ts'
import { countedReads, countedSources } from '../counted-source.ts'
import type { DataPlane } from '../data/data-plane.ts'
import type { DownloadContext } from '../download/download-context.ts'
import { forgetTask } from '../download/forget-task.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import { PeerBans } from '../download/peer-bans.ts'
import type { DaemonMetrics } from '../metrics.ts'
import { PeerDirectory } from '../rpc/describe-peer.ts'
import type { World } from './world.ts'

const lostTimeoutMs = 30_000
/** A parent that froze or lost its network is noticed by what it does not answer. */
const signsOfLife = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 }

interface Parts {
  readonly identity: HostIdentity
  readonly tasks: LiveTasks
  readonly schedulers: SchedulerPool
  readonly announcer: HostAnnouncer
  readonly metrics: DaemonMetrics
  readonly sources: SourceRegistry
  readonly data: DataPlane
}

/** What downloads share: origins, sessions to peers, limits, timing. */
export function downloadContext(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  { identity, tasks, schedulers, announcer, metrics, sources, data }: Parts,
): DownloadContext {
  const channels = new ChannelPool({ ...world, unavailable: 'PeerUnavailable', ...signsOfLife })
  stack.push('sessions to peers', () => channels.close())
  const stopping = new AbortController()
  stack.push('downloads', () => stopping.abort(new DfError('Timeout', 'The daemon is stopping.')))
  const directory = new PeerDirectory({ ...world, channels })
  const limiter = (bytesPerSec: number) => new RateLimiter({ bytesPerSec }, world)
  return {
    ...world,
    host: identity,
    tasks,
    schedulers,
    sources: countedSources(sources, metrics),
    channels,
    describe: async (control, signal) =>
      allowed(config.transfer, await directory.describe(control, signal)),
    forgetOffer: (control) => directory.forget(control),
    bans: new PeerBans(world.clock),
    pieceTimeoutMs: config.download.pieceTimeout,
    onUnattested: () => metrics.unattestedPieces.inc(),
    onCorrupt: () => metrics.corruptPieces.inc(),
    data: countedReads(data, metrics),
    stopping: stopping.signal,
    announce: (link, signal) => announcer.announce(link, signal),
    forgetTask: (taskId) =>
      forgetTask(taskId, { ...world, tasks, schedulers, hostId: identity.id }),
    slots: new FairSlots(config.transfer.concurrentPieces),
    downloadLimiter: limiter(config.download.bandwidthLimit),
    sourceLimiter: limiter(config.download.backToSourceBandwidthLimit),
    settings: { concurrentPieces: config.download.concurrentPieceCount, timing: timing(config) },
  }
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

/** What this host makes of a peer's offer. Who must have TLS and cannot, gets no piece from that peer. */
function allowed(
  { tls, compression }: DaemonConfig['transfer'],
  offer: PeerFeatures | undefined,
): PeerFeatures | undefined {
  if (tls === 'require' && offer?.tls === undefined) {
    throw new DfError('PeerUnavailable', 'The peer offers no TLS, and transfer.tls is require.')
  }
  if (offer === undefined) return undefined
  return {
    ...offer,
    tls: tls === 'off' ? undefined : offer.tls,
    zstd: compression === 'auto' && offer.zstd === true,
  }
}
