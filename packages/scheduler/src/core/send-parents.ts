import { type ClientParams, defaultClientParams } from '@damselfly/policy'
import type { CoreState } from './core-state.ts'
import { meanUplink, policyOf } from './decision-view.ts'
import type { Peer } from './resources.ts'
import { isActive, missingPieces, refreshUsable } from './swarm.ts'

/** From now on these are the peer's parents, and it is told so. `parents` are slots. */
export function sendParents(state: CoreState, peer: Peer, parents: readonly number[]): void {
  const { peerTable } = state
  peerTable.setParents(peer.slot, parents)
  peer.answers += 1
  peer.updatedAt = state.now
  peer.isMeshed = peer.host.facts.isOurs
  // It has started before, so it hands on from now what its new parents have.
  if (isActive(peer)) state.dirty.add(peer.task)
  refreshUsable(state, peer)
  state.effects.push({
    type: 'normal',
    peerId: peer.id,
    parents: peerTable.idsOf(parents),
    client: clientParams(state, peer),
  })
}

function clientParams(state: CoreState, peer: Peer): ClientParams {
  const { arm } = peer.task
  const params = defaultClientParams({
    pieceCount: peer.geometry?.pieceCount ?? 0,
    hasPlaces: peer.host.hasPlace,
    meanUplink: meanUplink(peer.task),
  })
  const policy = policyOf(state, peer.task)
  if (policy.client === undefined) return arm === undefined ? params : { ...params, ...arm.client }
  const { view } = state
  view.aim({ child: peer, missing: missingPieces(peer), not: [], notItsChildren: false })
  return { ...params, ...policy.client(view, peer.slot), ...arm?.client }
}
