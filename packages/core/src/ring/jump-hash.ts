import type { HashFamily } from './hash-family.ts'
import { finalize, keyHash } from './key-hash.ts'

/**
 * Jump consistent hashing (Lamping and Veach 2014): no table, even loads, a few steps per look-up. Nodes are numbered as
 * they are listed, so all have to list them alike, and it is made for nodes that come and go at the end of the list: when
 * one in the middle goes, all behind it are renumbered and about half of all keys move. Numbered shards, yes; machines
 * that fail, no.
 */
export class JumpHash implements HashFamily {
  readonly name = 'jump'
  readonly #nodes: readonly string[]

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes
  }

  pick(key: string): string {
    return this.#nodes[jump(keyHash(key), this.#nodes.length)] as string
  }

  /** Behind the owner the others as if it were not there, for a key of their own, so that its keys are spread. */
  order(key: string): string[] {
    const left = [...this.#nodes]
    const found: string[] = []
    for (let rank = 0; left.length > 0; rank++) {
      const hash = rank === 0 ? keyHash(key) : keyHash(key, String(rank))
      found.push(...left.splice(jump(hash, left.length), 1))
    }
    return found
  }
}

const GOLDEN = 0x9e37_79b9

/**
 * A key that is in bucket b of b + 1 stays there while buckets are added, until there are (b + 1) / r of them, r evenly
 * from (0, 1]: that leaves every bucket of n with 1/n of the keys. Followed until `buckets` are passed.
 */
function jump(hash: number, buckets: number): number {
  let state = (hash % 0x1_0000_0000) ^ finalize(Math.floor(hash / 0x1_0000_0000))
  let bucket = 0
  for (let next = 0; next < buckets; ) {
    bucket = next
    state = (state + GOLDEN) | 0
    next = Math.floor((bucket + 1) / (((finalize(state) >>> 0) + 1) / 0x1_0000_0000))
  }
  return bucket
}
