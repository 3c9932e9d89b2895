import { type HashFamily, weightOf } from './hash-family.ts'
import { keyHash } from './key-hash.ts'

/** A prime, so that every step length visits all entries. */
const TABLE_SIZE = 65_537

/**
 * Maglev hashing (Eisenbud et al. 2016): a table of owners that a key is an index into, the fastest look-up of all. Nodes
 * take turns to fill it, each along its own order of entries, a heavier one more often. When a node goes, its keys
 * move, and up to one in a hundred others. The table costs 128 KiB and some milliseconds.
 */
export class Maglev implements HashFamily {
  readonly name = 'maglev'
  readonly #nodes: readonly string[]
  readonly #table: Uint16Array

  /** Up to 65,536 nodes. */
  constructor(nodes: readonly string[], weights?: ReadonlyMap<string, number>) {
    this.#nodes = [...nodes].sort()
    this.#table = fillTable(this.#nodes, weights)
  }

  pick(key: string): string {
    return this.#nodes[this.#table[keyHash(key) % TABLE_SIZE] as number] as string
  }

  /** Behind the owner whoever comes next in the table; last the few that have no entry at all. */
  order(key: string): string[] {
    const first = keyHash(key) % TABLE_SIZE
    const found = new Set<string>()
    for (let i = 0; i < TABLE_SIZE && found.size < this.#nodes.length; i++) {
      found.add(this.#nodes[this.#table[(first + i) % TABLE_SIZE] as number] as string)
    }
    for (const node of this.#nodes) found.add(node)
    return [...found]
  }
}

interface Turns {
  /** Where its order of entries is, and how far from one to the next. */
  at: number
  readonly step: number
  /** What it gets of a turn in each round, and what it has saved. */
  readonly share: number
  saved: number
}

function fillTable(nodes: readonly string[], weights?: ReadonlyMap<string, number>): Uint16Array {
  const heaviest = Math.max(...nodes.map((node) => weightOf(node, weights)))
  const turns = nodes.map((node): Turns => {
    const at = keyHash(node, 'offset') % TABLE_SIZE
    const step = 1 + (keyHash(node, 'step') % (TABLE_SIZE - 1))
    return { at, step, share: weightOf(node, weights) / heaviest, saved: 0 }
  })
  const table = new Uint16Array(TABLE_SIZE)
  const isTaken = new Uint8Array(TABLE_SIZE)
  let free = TABLE_SIZE
  while (free > 0) {
    for (const [index, turn] of turns.entries()) {
      turn.saved += turn.share
      if (turn.saved < 1 || free === 0) continue
      turn.saved -= 1
      while (isTaken[turn.at] === 1) turn.at = (turn.at + turn.step) % TABLE_SIZE
      isTaken[turn.at] = 1
      table[turn.at] = index
      free -= 1
    }
  }
  return table
}
