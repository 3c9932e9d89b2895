import { DfError, FairSlots, peerId, RateLimiter, type ServiceStack } from '@damselfly/core'
import { ChannelPool } from '@damselfly/rpc'
import type { SourceRegistry } from '@damselfly/sources'
import type { PeerFeatures } from '@damselfly/transport'
import { Followings } from '../announce/followings.ts'
import type { HostAnnouncer } from '../announce/host-announcer.ts'
import type { HostIdentity } from '../announce/host-identity.ts'
import { inventory } from '../announce/inventory.ts'
import { PeerIds } from '../announce/peer-ids.ts'
import type { SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DaemonConfig } from '../config.ts'
import { countedReads, countedSources } from '../counted-source.ts'
import type { DataPlane } from '../data/data-plane.ts'
import type { DownloadContext } from '../download/download-context.ts'
import { forgetTask } from '../download/forget-task.ts'
import type { LiveTasks } from '../download/live-tasks.ts'
import { PeerBans } from '../download/peer-bans.ts'
import { createMeshMetrics, watchNeighbours } from '../mesh/mesh-metrics.ts'
import { Meshes } from '../mesh/meshes.ts'
import type { DaemonMetrics } from '../metrics.ts'
import { PeerDirectory } from '../rpc/describe-peer.ts'
import type { World } from './world.ts'

const unlimited = 50_000_000_000
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
  /** Ports of this host's own services. */
  readonly controlPort: () => number
  readonly piecePort: () => number
}

export interface DownloadParts extends DownloadContext {
  readonly followings: Followings
}

/** What downloads share: origins, sessions to peers, limits, timing. */
export function downloadContext(
  config: DaemonConfig,
  world: World,
  stack: ServiceStack,
  parts: Parts,
): DownloadParts {
  const { identity, tasks, schedulers, announcer, metrics, sources, data } = parts
  const channels = new ChannelPool({ ...world, unavailable: 'PeerUnavailable', ...signsOfLife })
  stack.push('sessions to peers', () => channels.close())
  const stopping = new AbortController()
  stack.push('downloads', () => stopping.abort(new DfError('Timeout', 'The daemon is stopping.')))
  const directory = new PeerDirectory({ ...world, channels })
  const describe: DownloadContext['describe'] = async (control, signal) =>
    allowed(config.transfer, await directory.describe(control, signal))
  const forgetOffer: DownloadContext['forgetOffer'] = (control) => directory.forget(control)
  const bans = new PeerBans(world.clock)
  const peerIds = new PeerIds(() => peerId(identity, world.random))
  const followings = new Followings(schedulers, {
    ...world,
    hostId: identity.id,
    inventory: () => (config.upload.disableShared ? [] : inventory(tasks, (id) => peerIds.of(id))),
    announce: (link, signal) => announcer.announce(link, signal),
  })
  stack.push('scheduler followings', () => followings.stop())
  const peers = { channels, describe, forgetOffer, bans }
  const meshMetrics = createMeshMetrics(metrics.registry)
  const meshes = new Meshes({
    ...world,
    ...peers,
    peerIds,
    metrics: meshMetrics,
    ...meshFacts(config, parts),
  })
  watchNeighbours(metrics.registry, () => meshes.neighbours)
  stack.push('neighbours', () => meshes.close())
  const limiter = (bytesPerSec: number) => new RateLimiter({ bytesPerSec }, world)
  return {
    ...world,
    host: identity,
    tasks,
    schedulers,
    sources: countedSources(sources, metrics),
    ...peers,
    meshes,
    followings,
    uplink: () => knownLimit(config.upload.bandwidthLimit),
    pieceTimeoutMs: config.download.pieceTimeout,
    onUnattested: () => metrics.unattestedPieces.inc(),
    onCorrupt: () => metrics.corruptPieces.inc(),
    data: countedReads(data, metrics),
    stopping: stopping.signal,
    announce: async (link, signal) => {
      await announcer.announce(link, signal)
      // One that was started anew must not send others to the origin for what is here.
      await followings.of(link).ready(signal)
    },
    forgetTask: (taskId) =>
      forgetTask(taskId, { ...world, tasks, schedulers, hostId: identity.id }),
    slots: new FairSlots(config.transfer.concurrentPieces),
    downloadLimiter: limiter(config.download.bandwidthLimit),
    sourceLimiter: limiter(config.download.backToSourceBandwidthLimit),
    settings: { concurrentPieces: config.download.concurrentPieceCount, timing: timing(config) },
  }
}

/** What neighbours are told of this host. */
function meshFacts(
  { host, upload, download }: DaemonConfig,
  { identity, controlPort, piecePort }: Parts,
) {
  return {
    host: identity,
    place: { idc: host.idc ?? '', location: host.location ?? '' },
    control: () => ({ ip: identity.ip, port: controlPort() }),
    piecePort,
    bandwidth: () => ({
      uplink: knownLimit(upload.bandwidthLimit),
      downlink: knownLimit(download.bandwidthLimit),
    }),
    isSharing: !upload.disableShared,
  }
}

/** The default is more than any link moves: it says nothing. */
const knownLimit = (bytesPerSec: number): number => (bytesPerSec < unlimited ? bytesPerSec : 0)

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
