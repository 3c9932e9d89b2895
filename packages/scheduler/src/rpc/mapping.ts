import { isIP } from 'node:net'
import { create } from '@bufbuild/protobuf'
import { durationFromMs, durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  type Download,
  type Host,
  HostSchema,
  type Peer,
  PeerSchema,
  type Priority,
  SizeScope,
  type Task,
  TaskSchema,
  TaskType,
  TrafficType,
} from '@damselfly/api/common'
import type { AnnounceHostRequest } from '@damselfly/api/scheduler'
import { asHostId, type ByteRange, DfError } from '@damselfly/core'
import type { DownloadFacts, HostFacts, TrafficType as Traffic } from '../core/facts.ts'
import type { PeerView, TaskView } from '../core/views.ts'

/** A host that names no interval announces itself as often as Dragonfly's daemons do by default. */
const DEFAULT_INTERVAL_MS = 300_000
const MAX_HOST_TYPE = 3

/** Rejects only what nothing can be done with; Dragonfly's own rules are stricter (interop.md 2.2, T8). */
export function toHostFacts({ host, interval }: AnnounceHostRequest): HostFacts {
  if (host === undefined) throw invalid('The request names no host.')
  if (host.hostname === '') throw invalid(`The host ${host.id} has no hostname.`)
  if (isIP(host.ip) === 0) throw invalid(`"${host.ip}" is not an IP address.`)
  if (host.type > MAX_HOST_TYPE) throw invalid(`There is no host type ${host.type}.`)
  checkPort('port', host.port)
  const intervalMs = interval === undefined ? 0 : durationMs(interval)
  return {
    id: asHostId(host.id),
    type: host.type,
    hostname: host.hostname,
    ip: host.ip,
    port: host.port,
    downloadPort: host.downloadPort === 0 ? host.port : host.downloadPort,
    disableShared: host.disableShared,
    ...(host.network?.idc ? { idc: host.network.idc } : {}),
    ...(host.network?.location ? { location: host.network.location } : {}),
    maxTxBandwidth: declaredUplink(Number(host.network?.maxTxBandwidth ?? 0n)),
    announceIntervalMs: intervalMs > 0 ? intervalMs : DEFAULT_INTERVAL_MS,
    isOurs: host.build?.gitVersion.startsWith('damselfly/') ?? false,
    wire: host,
  }
}

/** What a host without a limit announces, ours and Dragonfly's alike: 50 GB/s, which says nothing of its uplink. */
const noLimitBits = 50e9 * 8

/** Bits per second; 0 = unknown. */
const declaredUplink = (bits: number): number => (bits < noLimitBits ? bits : 0)

function checkPort(name: string, port: number): void {
  if (port < 1 || port > 65_535) throw invalid(`The ${name} ${port} is not a port.`)
}

export function toDownloadFacts(download: Download | undefined): DownloadFacts {
  if (download === undefined) throw invalid('The registration names no download.')
  if (!URL.canParse(download.url)) throw invalid('The URL of the download is not absolute.')
  const pieceLength = download.actualPieceLength ?? download.pieceLength
  return {
    url: download.url,
    ...(download.range === undefined ? {} : { range: toRange(download.range) }),
    needBackToSource: download.needBackToSource,
    metadataOnly: download.metadataOnly,
    disableBackToSource: download.disableBackToSource,
    isPrefetch: download.prefetch || download.isPrefetch,
    priority: download.priority,
    contentLength: optionalLength('content length', download.actualContentLength),
    // Dragonfly writes 0 for "not set" in places.
    pieceLength: optionalLength('piece length', pieceLength) || undefined,
    concurrentPieceCount: download.concurrentPieceCount ?? 0,
    wire: download,
  }
}

function toRange({ start, length }: { start: bigint; length: bigint }): ByteRange {
  return { start: toLength('start of the range', start), length: toLength('range', length) }
}

const optionalLength = (what: string, value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : toLength(what, value)

/** uint64 of the wire; lengths beyond 2^53 do not exist. */
export function toLength(what: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`The ${what} ${value} is too large.`)
  return Number(value)
}

export function toTraffic(type: TrafficType | undefined, otherwise: Traffic): Traffic {
  switch (type) {
    case TrafficType.BACK_TO_SOURCE:
      return 'backToSource'
    case TrafficType.REMOTE_PEER:
      return 'remotePeer'
    case TrafficType.LOCAL_PEER:
      return 'localPeer'
    default:
      return otherwise
  }
}

/** All that the host announced. */
export function fromHost(facts: HostFacts): Host {
  return facts.wire ?? fromHostBriefly(facts)
}

/** A list of parents goes to many peers, so what it says of a host is made once for each announcement. */
const briefHosts = new WeakMap<HostFacts, Host>()

/** Without what parents are not chosen by. */
function fromHostBriefly(facts: HostFacts): Host {
  const known = briefHosts.get(facts)
  if (known !== undefined) return known
  const { wire } = facts
  const host = create(HostSchema, {
    id: facts.id,
    type: facts.type,
    hostname: facts.hostname,
    ip: facts.ip,
    port: facts.port,
    downloadPort: facts.downloadPort,
    disableShared: facts.disableShared,
    ...(wire?.network === undefined ? {} : { network: wire.network }),
    ...(wire?.build === undefined ? {} : { build: wire.build }),
    schedulerClusterId: wire?.schedulerClusterId ?? 0n,
    name: wire?.name ?? facts.hostname,
  })
  briefHosts.set(facts, host)
  return host
}

export function fromTask(view: TaskView): Task {
  return create(TaskSchema, {
    ...briefTask(view),
    pieces: [...view.pieces].map(([number, { offset, length, digest }]) => ({
      number,
      offset: BigInt(offset),
      length: BigInt(length),
      digest,
      trafficType: TrafficType.BACK_TO_SOURCE,
      cost: durationFromMs(0),
      createdAt: timestampFromMs(view.createdAt),
    })),
  })
}

const fromTaskBriefly = (view: TaskView): Task => create(TaskSchema, briefTask(view))

function briefTask(view: TaskView) {
  const { wire } = view.facts
  return {
    id: view.id,
    type: wire?.type ?? TaskType.STANDARD,
    url: view.facts.url,
    ...(wire?.digest === undefined ? {} : { digest: wire.digest }),
    ...(wire?.tag === undefined ? {} : { tag: wire.tag }),
    ...(wire?.application === undefined ? {} : { application: wire.application }),
    filteredQueryParams: wire?.filteredQueryParams ?? [],
    contentLength: BigInt(view.contentLength ?? 0),
    pieceCount: view.pieceCount ?? 0,
    sizeScope: sizeScopeOf(view),
    state: view.state,
    peerCount: view.peerCount,
    hasAvailablePeer: view.hasAvailablePeer,
    createdAt: timestampFromMs(view.createdAt),
    updatedAt: timestampFromMs(view.updatedAt),
  }
}

function sizeScopeOf({ contentLength, pieceCount }: TaskView): SizeScope {
  if (contentLength === 0) return SizeScope.EMPTY
  if (contentLength !== undefined && contentLength <= 128) return SizeScope.TINY
  return pieceCount === 1 ? SizeScope.SMALL : SizeScope.NORMAL
}

/**
 * Candidate parents for a peer. Rust peers echo them when they reschedule, and Go's rules want every field (interop.md T7, T8).
 * Daemons of ours come in crowds and need only to know who it is: the rest would be most of what a crowd costs.
 */
export function fromParents(views: readonly PeerView[], isForOurs: boolean): Peer[] {
  const [first] = views
  if (first === undefined) return []
  if (isForOurs) {
    return views.map(({ id, state, host }) =>
      create(PeerSchema, { id, state, host: fromHostBriefly(host) }),
    )
  }
  const task = fromTaskBriefly(first.task)
  return views.map((view) =>
    create(PeerSchema, { ...peerFields(view), host: fromHostBriefly(view.host), task }),
  )
}

export function fromPeer(view: PeerView): Peer {
  return create(PeerSchema, {
    ...peerFields(view),
    host: fromHost(view.host),
    task: fromTask(view.task),
  })
}

function peerFields(view: PeerView) {
  const { range, priority, needBackToSource, concurrentPieceCount } = view.facts
  return {
    id: view.id,
    ...(range === undefined
      ? {}
      : { range: { start: BigInt(range.start), length: BigInt(range.length) } }),
    priority: priority as Priority,
    cost: durationFromMs(view.updatedAt - view.createdAt),
    state: view.state,
    needBackToSource,
    concurrentPieceCount,
    createdAt: timestampFromMs(view.createdAt),
    updatedAt: timestampFromMs(view.updatedAt),
  }
}

export const invalid = (message: string): DfError => new DfError('InvalidArgument', message)
