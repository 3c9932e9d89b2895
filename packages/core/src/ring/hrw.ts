import { type HashFamily, weightOf } from './hash-family.ts'
import { KEY_HASH_END, keyHash } from './key-hash.ts'

/**
 * Rendezvous hashing (highest random weight, Thaler and Ravishankar 1998): all nodes, best first for `key`. Whoever
 * knows the same nodes gets the same order, however they are listed. When a node goes, only its keys move, each to
 * the node that came second for it; a new one takes its share evenly from all. A test freezes the order: replicas and
 * daemons of all versions agree on it.
 */
export function hrw(key: string, nodes: readonly string[]): string[] {
  return ordered(nodes.map((node) => ({ node, score: keyHash(node, key) })))
}

/**
 * Rendezvous hashing with weights: a node's score is -weight / ln(u), where u is its hash for the key as a fraction, which
 * gives shares in proportion to the weights (Schindelhauer and Schomaker 2005). With equal weights the order is that
 * of `hrw`. No table; a look-up costs one hash per node. V8 brings its own logarithm, the same on every machine.
 */
export class RendezvousHash implements HashFamily {
  readonly name = 'hrw'
  readonly #nodes: readonly string[]
  readonly #weights: readonly number[]
  readonly #isWeighted: boolean

  constructor(nodes: readonly string[], weights?: ReadonlyMap<string, number>) {
    this.#nodes = nodes
    this.#weights = nodes.map((node) => weightOf(node, weights))
    this.#isWeighted = this.#weights.some((weight) => weight !== this.#weights[0])
  }

  pick(key: string): string {
    let best = ''
    let bestScore = -1
    for (let i = 0; i < this.#nodes.length; i++) {
      const node = this.#nodes[i] as string
      const score = this.#score(i, node, key)
      if (score < bestScore || (score === bestScore && node > best)) continue
      best = node
      bestScore = score
    }
    return best
  }

  order(key: string): string[] {
    return ordered(this.#nodes.map((node, i) => ({ node, score: this.#score(i, node, key) })))
  }

  #score(index: number, node: string, key: string): number {
    const hash = keyHash(node, key)
    if (!this.#isWeighted) return hash
    return -(this.#weights[index] as number) / Math.log((hash + 0.5) / KEY_HASH_END)
  }
}

function ordered(scored: { readonly node: string; readonly score: number }[]): string[] {
  return scored
    .sort((a, b) => b.score - a.score || (a.node < b.node ? -1 : 1))
    .map(({ node }) => node)
}
