import type { Piece } from '@damselfly/api/common'
import type { AnnouncePeerRequest } from '@damselfly/api/scheduler'
import { asHostId, asPeerId, asTaskId, type PeerId } from '@damselfly/core'
import type { PeerEvent, PieceFinished } from '../core/events.ts'
import { invalid, toDownloadFacts, toLength, toTraffic } from './mapping.ts'

/** What a message means; `undefined` for an empty or unknown one, which is to be tolerated. */
export function toPeerEvent({
  hostId,
  taskId,
  peerId: id,
  request,
}: AnnouncePeerRequest): PeerEvent | undefined {
  const peerId = asPeerId(id)
  switch (request.case) {
    case 'registerPeerRequest':
      return {
        type: 'peerRegistered',
        hostId: asHostId(hostId),
        taskId: asTaskId(taskId),
        peerId,
        download: toDownloadFacts(request.value.download),
      }
    case 'downloadPeerStartedRequest':
      return { type: 'peerStarted', peerId }
    case 'downloadPeerBackToSourceStartedRequest':
      return { type: 'backToSourceStarted', peerId }
    case 'reschedulePeerRequest': {
      const parentIds = request.value.candidateParents.map((parent) => asPeerId(parent.id))
      return { type: 'rescheduled', peerId, parentIds }
    }
    case 'downloadPeerFinishedRequest':
      return { type: 'peerFinished', peerId }
    case 'downloadPeerBackToSourceFinishedRequest':
      return { type: 'backToSourceFinished', peerId }
    case 'downloadPeerFailedRequest':
      return { type: 'peerFailed', peerId }
    case 'downloadPeerBackToSourceFailedRequest':
      return { type: 'backToSourceFailed', peerId }
    case 'downloadPieceFinishedRequest':
      return pieceFinished(peerId, request.value.piece, false)
    case 'downloadPieceBackToSourceFinishedRequest':
      return pieceFinished(peerId, request.value.piece, true)
    case 'downloadPieceFailedRequest': {
      const { pieceNumber, parentId, temporary } = request.value
      return {
        type: 'pieceFailed',
        peerId,
        number: pieceNumber,
        parentId: parentId === '' ? undefined : asPeerId(parentId),
        temporary,
      }
    }
    case 'downloadPieceBackToSourceFailedRequest': {
      const { response } = request.value
      const statusCode = response.case === 'backend' ? response.value.statusCode : undefined
      return { type: 'pieceSourceFailed', peerId, statusCode }
    }
    default:
      return undefined
  }
}

function pieceFinished(peerId: PeerId, piece: Piece | undefined, source: boolean): PieceFinished {
  if (piece === undefined) throw invalid('The message names no piece.')
  return {
    type: 'pieceFinished',
    peerId,
    number: piece.number,
    offset: toLength('offset', piece.offset),
    length: toLength('length', piece.length),
    digest: piece.digest,
    trafficType: toTraffic(piece.trafficType, source ? 'backToSource' : 'remotePeer'),
    parentId:
      piece.parentId === undefined || piece.parentId === '' ? undefined : asPeerId(piece.parentId),
    source,
  }
}
