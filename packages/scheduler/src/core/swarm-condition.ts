import type { CoreState } from './core-state.ts'
import type { Peer, Task } from './resources.ts'
import { membersOf, missingPieces } from './swarm.ts'

const MAX_COUNTED_PEERS = 10_000
/** What a scrape may count over all swarms, so that nobody waits for it: pieces of peers, and swarms. */
const SCRAPE_PIECES = 500_000
const SCRAPE_SWARMS = 50

/** How many usable peers hold the rarest piece; undefined when more than `limit` pieces of peers were to be counted. */
export function minCopies(
  { geometry }: Task,
  members: readonly Peer[],
  limit: number,
): number | undefined {
  const pieceCount = geometry?.pieceCount ?? 1
  if (members.length * pieceCount > limit) return undefined
  const copies = new Uint32Array(pieceCount)
  for (const peer of members) {
    if (!peer.isUsable) continue
    for (let piece = 0; piece < pieceCount; piece++) {
      if (peer.holds(piece)) copies[piece] = (copies[piece] as number) + 1
    }
  }
  return copies.reduce((min, count) => Math.min(min, count), Number.MAX_SAFE_INTEGER)
}

/** Of all links to parents of the first 10,000, those whose parent holds something that the child lacks; 1 without links. */
export function usefulParentRatio(members: readonly Peer[]): number {
  let links = 0
  let useful = 0
  for (const peer of members.slice(0, MAX_COUNTED_PEERS)) {
    const { parents } = peer
    if (parents.length === 0) continue
    const missing = missingPieces(peer)
    links += parents.length
    useful += parents.filter((parent) => parent.holdsAnyOf(missing)).length
  }
  return links === 0 ? 1 : useful / links
}

export interface SwarmsCondition {
  /** Of the swarm with the rarest piece. */
  readonly minCopies: number
  /** Of the swarm whose parents are of least use. */
  readonly usefulParentRatio: number
}

/** The worst of the swarms that download now, as far as they can be looked at; undefined when there are none. */
export function conditionOfSwarms(state: CoreState): SwarmsCondition | undefined {
  let left = SCRAPE_PIECES
  let swarms = 0
  let worst: SwarmsCondition | undefined
  for (const task of state.tasks.values()) {
    if (swarms === SCRAPE_SWARMS) break
    const cost = task.members.size * (task.geometry?.pieceCount ?? 1)
    if (cost > left || task.wholeCopies === task.members.size) continue
    left -= cost
    swarms += 1
    const members = membersOf(state, task)
    const copies = minCopies(task, members, cost) ?? 0
    const ratio = usefulParentRatio(members)
    worst = {
      minCopies: Math.min(copies, worst?.minCopies ?? copies),
      usefulParentRatio: Math.min(ratio, worst?.usefulParentRatio ?? ratio),
    }
  }
  return worst
}
