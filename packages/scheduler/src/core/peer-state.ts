/** States of a peer; the words travel in common.v2.Peer.state and mean what they mean in Dragonfly. */
export const peerStates = [
  'Pending',
  'ReceivedEmpty',
  'ReceivedTiny',
  'ReceivedSmall',
  'ReceivedNormal',
  'Running',
  'BackToSource',
  'Succeeded',
  'Failed',
  'Leave',
] as const

export type PeerState = (typeof peerStates)[number]

/** Indexes into `peerStates`. */
export const peerStateNumber = Object.fromEntries(
  peerStates.map((state, i) => [state, i]),
) as Readonly<Record<PeerState, number>>

export type PeerTransition =
  | 'RegisterEmpty'
  | 'RegisterTiny'
  | 'RegisterSmall'
  | 'RegisterNormal'
  | 'Reregister'
  | 'Download'
  | 'DownloadBackToSource'
  | 'DownloadSucceeded'
  | 'DownloadFailed'
  | 'Announce'
  | 'Leave'

interface Edge {
  readonly from: readonly PeerState[]
  readonly to: PeerState
}

const received = [
  'ReceivedEmpty',
  'ReceivedTiny',
  'ReceivedSmall',
  'ReceivedNormal',
] as const satisfies PeerState[]
const present = [
  'Pending',
  ...received,
  'Running',
  'BackToSource',
  'Succeeded',
  'Failed',
] as const satisfies PeerState[]

/** The whole state machine. */
export const peerEdges: Readonly<Record<PeerTransition, Edge>> = {
  /** Pending -> ReceivedEmpty: the content has no bytes. */
  RegisterEmpty: { from: ['Pending'], to: 'ReceivedEmpty' },
  /** Pending -> ReceivedTiny: up to 128 bytes. Scheduled like any other. */
  RegisterTiny: { from: ['Pending'], to: 'ReceivedTiny' },
  /** Pending -> ReceivedSmall: one piece. Scheduled like any other. */
  RegisterSmall: { from: ['Pending'], to: 'ReceivedSmall' },
  /** Pending -> ReceivedNormal */
  RegisterNormal: { from: ['Pending'], to: 'ReceivedNormal' },
  /** any but Leave -> Pending: the daemon came back on a new stream and registers the same peer again. */
  Reregister: { from: present, to: 'Pending' },
  /**
   * Received* -> Running. Running -> Running: a Rust peer says "started" again after every list of parents.
   * BackToSource -> Running: a daemon of ours gave its lease back and goes on with parents.
   */
  Download: { from: [...received, 'Running', 'BackToSource'], to: 'Running' },
  /** Received*, Running -> BackToSource */
  DownloadBackToSource: { from: [...received, 'Running', 'BackToSource'], to: 'BackToSource' },
  /** Received*, Running, BackToSource -> Succeeded */
  DownloadSucceeded: { from: [...received, 'Running', 'BackToSource'], to: 'Succeeded' },
  /** any but Leave -> Failed: it said so, or its stream broke before it was done. */
  DownloadFailed: { from: present, to: 'Failed' },
  /** Pending, Failed -> Succeeded: a daemon of ours told that it holds content. */
  Announce: { from: ['Pending', 'Failed'], to: 'Succeeded' },
  /** any but Leave -> Leave */
  Leave: { from: present, to: 'Leave' },
}

/** A message that does not fit the peer's state. Peers send such things; they are counted and ignored. */
export interface InvalidTransition {
  readonly kind: 'InvalidTransition'
  readonly from: PeerState
  readonly transition: PeerTransition
}

/** Where `transition` leads from `state`. */
export function nextPeerState(
  state: PeerState,
  transition: PeerTransition,
): PeerState | InvalidTransition {
  const edge = peerEdges[transition]
  if (edge.from.includes(state)) return edge.to
  return { kind: 'InvalidTransition', from: state, transition }
}
