import type { DeletePeerRequest } from '@damselfly/api/scheduler'
import { asPeerId } from '@damselfly/core'
import type { Driver } from '../driver.ts'
import { counted } from './counted.ts'
import { findPeer } from './stat-peer.ts'

export function deletePeer(driver: Driver) {
  return counted(driver, 'leave_peer', (request: DeletePeerRequest) => {
    const peerId = asPeerId(request.peerId)
    findPeer(driver, peerId)
    driver.apply({ type: 'peerDeleted', peerId })
    return {}
  })
}
