import type { Random } from '@damselfly/core'
import { type DragonflyPeer, isAncestor } from './dragonfly-peer.ts'

const SAMPLE = 15
const PARENTS = 3
/** Pieces that a client fetches at a time, as it announces. */
export const CONCURRENCY = 8
const ASSUMED_PIECE_BITS = 16 * 1024 * 1024 * 8
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

  #score(peer: DragonflyPeer, child: DragonflyPeer): number {
    const location = peer.rack === child.rack ? 1 : 0.4
    const type = !peer.isSeed ? 0.5 : peer.state === 'atSource' ? 1 : 0
    // All hosts of a scenario stand in one data centre, so that part is the same for everybody.
    return 0.6 * this.#load(peer) + 0.2 + 0.1 * location + 0.1 * type
  }

  #load({ maxTx, children }: DragonflyPeer): number {
    if (maxTx === 0) return 0
    const { bytes, pieceBytes } = this.#content
    const tx = children.length * pieceBytes * 8 * CONCURRENCY
    const seconds = (children.length * bytes * 8) / maxTx
    const needed = maxTx / ASSUMED_PIECE_BITS
    const pieces = children.length * CONCURRENCY
    const concurrency = needed <= 1 ? 0 : pieces <= needed ? 1 : needed / pieces
    return (
      0.5 * Math.max(0, 1 - tx / maxTx) + 0.3 * Math.max(0, 1 - seconds / 60) + 0.2 * concurrency
    )
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
