import type { StatPeerRequest } from '@damselfly/api/scheduler'
import { asPeerId, DfError, type PeerId } from '@damselfly/core'
import type { PeerView } from '../core/views.ts'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'
import { fromPeer } from './mapping.ts'

export function statPeer(driver: Driver) {
  return counted(driver, 'stat_peer', (request: StatPeerRequest) =>
    fromPeer(findPeer(driver, asPeerId(request.peerId))),
  )
}

export function findPeer(driver: Driver, peerId: PeerId): PeerView {
  const peer = driver.core.statPeer(peerId)
  if (peer === undefined) throw new DfError('PeerNotFound', `The peer ${peerId} is not known.`)
  return peer
}
