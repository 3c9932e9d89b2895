import { Priority, TaskType, TrafficType } from '@damselfly/api/common'
import type { DigestsEffect, SchedulerEffect } from './core/effects.ts'
import type { PeerEvent, SchedulerEvent } from './core/events.ts'
import type { SchedulerCore } from './core/scheduler-core.ts'
import type { PeerView } from './core/views.ts'
import type { PeerLabels, SchedulerMetrics } from './metrics.ts'

const hostTypes = ['normal', 'super', 'strong', 'weak']
const MIB = 1024 * 1024
/** Upper bounds of Dragonfly's size levels, in MiB. */
const sizeLevels = [1, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 8192, 16384, 32768, 65536]

/** By number. */
const namesOf = (values: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(values).map(([name, value]) => [value, name]))

const priorities = namesOf(Priority)
const taskTypes = namesOf(TaskType)
const traffics = namesOf(TrafficType)
const unknown = 'UNKNOWN'

const labelsOf = (peer: PeerView): PeerLabels => ({
  priority: priorities.get(peer.facts.priority) ?? unknown,
  task_type: taskTypes.get(peer.facts.wire?.type ?? TaskType.STANDARD) ?? unknown,
  host_type: hostTypes[peer.host.type] ?? 'normal',
})

const trafficTypes = {
  backToSource: traffics.get(TrafficType.BACK_TO_SOURCE) ?? unknown,
  remotePeer: traffics.get(TrafficType.REMOTE_PEER) ?? unknown,
  localPeer: traffics.get(TrafficType.LOCAL_PEER) ?? unknown,
}

/** What peers and seeds are told to do; the other effects pass on what pieces hash to. */
export function isDecision(
  effect: SchedulerEffect,
): effect is Exclude<SchedulerEffect, DigestsEffect> {
  return !effect.type.startsWith('digests')
}

/** Counts what an event and its effects say. Called after the event has been applied. */
export function observe(
  metrics: SchedulerMetrics,
  core: SchedulerCore,
  event: SchedulerEvent,
  effects: readonly SchedulerEffect[],
): void {
  for (const effect of effects) {
    if (isDecision(effect)) metrics.decisions.inc({ result: effect.type })
    else if (effect.type === 'digestsContradicted') {
      const said = effect.fromOrigin ? 'origin' : 'held'
      metrics.digestContradictions.inc({ said }, effect.numbers.length)
    }
  }
  if (!('peerId' in event) || isOwnReport(event)) return
  const peer = core.statPeer(event.peerId)
  if (peer === undefined) return
  if (event.type === 'peerRegistered' && effects.some((e) => e.type === 'endStream')) {
    metrics.register.failures.inc(labelsOf(peer))
  }
  countPeerEvent(metrics, peer, event)
}

/** These come every second from everybody, and have metrics of their own. */
const isOwnReport = ({ type }: SchedulerEvent): boolean =>
  type === 'peerReported' || type === 'parentsAsked'

function countPeerEvent(metrics: SchedulerMetrics, peer: PeerView, event: PeerEvent): void {
  const labels = labelsOf(peer)
  const { task_type, host_type } = labels
  switch (event.type) {
    case 'peerRegistered':
      metrics.register.total.inc(labels)
      break
    case 'peerStarted':
      metrics.started.total.inc(labels)
      break
    case 'backToSourceStarted':
      metrics.backToSourceStarted.total.inc(labels)
      break
    case 'peerFinished':
    case 'backToSourceFinished':
      metrics.finished.total.inc(labels)
      metrics.downloadDuration.observe(
        { task_size_level: sizeLevelOf(peer) },
        peer.updatedAt - peer.createdAt,
      )
      break
    case 'peerFailed':
      metrics.finished.failures.inc(labels)
      break
    case 'backToSourceFailed':
      metrics.backToSourceFailures.inc(labels)
      break
    case 'pieceFinished': {
      const traffic_type = trafficTypes[event.trafficType]
      metrics.pieces.total.inc({ traffic_type, task_type, host_type })
      metrics.traffic.inc({ type: traffic_type, task_type, host_type }, event.length)
      break
    }
    case 'pieceFailed':
      metrics.pieces.failures.inc({
        traffic_type: trafficTypes.remotePeer,
        task_type,
        host_type,
      })
      break
    case 'pieceSourceFailed':
      metrics.sourcePieceFailures.inc({
        traffic_type: trafficTypes.backToSource,
        task_type,
        host_type,
      })
      break
    default:
  }
}

function sizeLevelOf(peer: PeerView): string {
  const length = peer.task.contentLength
  if (length === undefined) return 'unknow'
  const level = sizeLevels.findIndex((mib) => length <= mib * MIB)
  return String(level < 0 ? sizeLevels.length + 1 : level + 1)
}
