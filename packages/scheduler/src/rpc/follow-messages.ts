import {
  type AskParents,
  AskReason,
  type PeerReport,
  type HeldTask as WireHeldTask,
} from '@damselfly/api/swarm'
import { asPeerId, asTaskId, validatorsOf } from '@damselfly/core'
import type { HeldTask, ParentsAsked, PeerReported } from '../core/events.ts'
import { toLength } from './mapping.ts'

export function toPeerReported(report: PeerReport): PeerReported {
  return {
    type: 'peerReported',
    peerId: asPeerId(report.peerId),
    pieces: report.pieces,
    rateBytesPerSec: toLength('rate', report.rate),
    bytes: {
      origin: toLength('number of bytes', report.originBytes),
      seed: toLength('number of bytes', report.seedBytes),
      near: toLength('number of bytes', report.nearBytes),
      far: toLength('number of bytes', report.farBytes),
    },
    uplinkBytesPerSec: toLength('uplink', report.uplink),
    failedParents: report.failedParents.map(asPeerId),
    slowParents: report.slowParents.map(asPeerId),
  }
}

const reasons: Readonly<Record<AskReason, ParentsAsked['reason']>> = {
  [AskReason.STARVED]: 'starved',
  [AskReason.SLOW]: 'slow',
  [AskReason.LOST]: 'lost',
}

export function toParentsAsked({ peerId, dropped, reason }: AskParents): ParentsAsked {
  return {
    type: 'parentsAsked',
    peerId: asPeerId(peerId),
    dropped: dropped.map(asPeerId),
    // A reason of a later version blames nobody.
    reason: reasons[reason] ?? 'starved',
  }
}

export function toHeldTask(held: WireHeldTask): HeldTask {
  return {
    taskId: asTaskId(held.taskId),
    peerId: asPeerId(held.peerId),
    contentLength: toLength('content length', held.contentLength),
    pieceLength: toLength('piece length', held.pieceLength),
    validators: validatorsOf(held.validators),
    have: held.have.case === 'pieces' ? held.have.value : held.have.value === true ? 'all' : none,
  }
}

const none = new Uint8Array(0)
