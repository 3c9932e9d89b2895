import type { Random } from '@damselfly/core'
import { type DragonflyTraits, dragonflyRank } from '@damselfly/policy'
import { type DragonflyPeer, isAncestor } from './dragonfly-peer.ts'

const SAMPLE = 15
const PARENTS = 3
/** Pieces that a client fetches at a time, as it announces. */
export const CONCURRENCY = 8
/** With two durations or more, a last one this many times the mean makes a bad parent. */
const BAD_COST_FACTOR = 20

/** How Dragonfly v2.5 chooses parents (its scheduler at 66db456): a sample, filters, a weighted sum, the best three. */
export class DragonflyScheduler {
  /** In an order that has nothing to do with when they came, as the map that is walked has. */
  readonly #vertices: DragonflyPeer[] = []
  readonly #random: Random
  readonly #content: { readonly bytes: number; readonly pieceBytes: number }
  /** Searches so far. */
  searches = 0

  constructor(content: { bytes: number; pieceBytes: number }, random: Random) {
    this.#content = content
    this.#random = random
  }

  add(peer: DragonflyPeer): void {
    this.#vertices.push(peer)
    const last = this.#vertices.length - 1
    const other = Math.floor(this.#random.next() * (last + 1))
    this.#vertices[last] = this.#vertices[other] as DragonflyPeer
    this.#vertices[other] = peer
  }

  remove(peer: DragonflyPeer): void {
    const index = this.#vertices.indexOf(peer)
    if (index >= 0) this.#vertices.splice(index, 1)
  }

  /** At most three, best first. */
  findParents(child: DragonflyPeer): DragonflyPeer[] {
    this.searches += 1
    const vertices = this.#vertices
    const start = Math.floor(this.#random.next() * vertices.length)
    const found: { peer: DragonflyPeer; score: number }[] = []
    for (let step = 0; step < Math.min(SAMPLE, vertices.length); step++) {
      const peer = vertices[(start + step) % vertices.length] as DragonflyPeer
      if (isCandidate(peer, child)) found.push({ peer, score: this.#score(peer, child) })
    }
    found.sort((a, b) => b.score - a.score)
    return found.slice(0, PARENTS).map(({ peer }) => peer)
  }

  /** All hosts of a scenario stand in one data centre, whose racks have two elements of the location in common. */
  #score(peer: DragonflyPeer, child: DragonflyPeer): number {
    const seed = peer.state === 'atSource' ? 'downloading-seed' : 'seed'
    return dragonflyRank({
      load: this.#load(peer),
      isSameIdc: true,
      commonLocation: peer.rack === child.rack ? 5 : 2,
      kind: peer.isSeed ? seed : 'peer',
    })
  }

  #load({ maxTx, children: { length } }: DragonflyPeer): DragonflyTraits['load'] {
    const { bytes, pieceBytes } = this.#content
    return {
      uplinkBits: maxTx,
      rateBits: length * pieceBytes * 8 * CONCURRENCY,
      contentBits: length * bytes * 8,
      pieces: length * CONCURRENCY,
    }
  }
}

function isCandidate(peer: DragonflyPeer, child: DragonflyPeer): boolean {
  if (peer === child || child.parents.some((parent) => parent.peer === peer)) return false
  if (peer.state === 'absent' || peer.state === 'waiting' || peer.state === 'dead') return false
  const isFed = peer.parents.length > 0 || peer.state !== 'running'
  return isFed && !isBad(peer) && !isAncestor(child, peer)
}

/** Judged, as there, by how its own downloads went. */
function isBad({ pieces, costSum, costLast }: DragonflyPeer): boolean {
  if (pieces < 2) return false
  return costLast > (BAD_COST_FACTOR * (costSum - costLast)) / (pieces - 1)
}
