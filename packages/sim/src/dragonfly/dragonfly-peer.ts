/** A peer of the model, as its scheduler and its client see it. */
export interface DragonflyPeer {
  readonly host: number
  readonly isSeed: boolean
  /** Uplink as announced, bits per second. */
  readonly maxTx: number
  readonly rack: number
  state: 'absent' | 'waiting' | 'running' | 'atSource' | 'succeeded' | 'dead'
  /** Failed searches for parents since the last registration. */
  tries: number
  parents: Parent[]
  /** Those who named this one as parent. */
  readonly children: DragonflyPeer[]
  /** Whose turn it is to hear how busy this one is. */
  nextListener: number
  /** Durations of its own pieces: how many, their sum and the last one, milliseconds. */
  pieces: number
  costSum: number
  costLast: number
  /** Bytes sent, in all and when it was last looked at. */
  sent: number
  sentBefore: number
  /** Pieces held. */
  readonly have: Uint8Array
  held: number
  /** A value of `pieceState` for each piece. */
  readonly pieceState: Uint8Array
  /** For each piece, a bit per parent that has announced it. */
  readonly reporters: Uint8Array
  /** Pieces in the order in which they will be asked for; those before `head` have been. */
  queue: number[]
  head: number
  inFlight: number
}

export interface Parent {
  readonly peer: DragonflyPeer
  /** What the child believes of its free uplink, bits per second. */
  idleTx: number
}

/** Unknown, heard of, in the queue or on its way. */
export const pieceState = { unknown: 0, heard: 1, queued: 2 } as const

/** True when pieces of `ancestor` reach `peer`, so that the opposite edge would close a cycle. */
export function isAncestor(ancestor: DragonflyPeer, peer: DragonflyPeer): boolean {
  if (ancestor.children.length === 0) return false
  const seen = new Set<DragonflyPeer>([peer])
  for (const one of seen) {
    if (one === ancestor) return true
    for (const { peer: parent } of one.parents) seen.add(parent)
  }
  return false
}
