import type { Metadata } from './metadata.ts'
import { PieceBlock } from './piece-block.ts'
import { blockId } from './schema.ts'

/** Some 2 MiB at most: downloads and uploads stay within a few blocks at a time. */
const maxCached = 512

/** The blocks used last, of all tasks, and the parents of the tasks used last. */
export class BlockCache {
  readonly #metadata: Metadata
  readonly #blocks = new Map<number, PieceBlock>()
  readonly #parents = new Map<number, string[]>()

  constructor(metadata: Metadata) {
    this.#metadata = metadata
  }

  /** A block that is not stored, or was damaged, is an empty one. */
  get(task: number, number: number, isSealed: boolean): PieceBlock {
    const id = blockId(task, number)
    const known = this.#blocks.get(id)
    const block =
      known ?? this.#metadata.block(task, number, isSealed) ?? PieceBlock.empty(isSealed)
    keepLast(this.#blocks, id, block)
    return block
  }

  /** A task that is new has neither pieces nor parents: nobody needs to look. */
  begin(task: number, isSealed: boolean): void {
    keepLast(this.#parents, task, [''])
    keepLast(this.#blocks, blockId(task, 0), PieceBlock.empty(isSealed))
  }

  set(task: number, number: number, block: PieceBlock): void {
    keepLast(this.#blocks, blockId(task, number), block)
  }

  /** Peer ids of a task by number, 0 is the origin; the caller adds those that come. */
  parents(task: number): string[] {
    const parents = this.#parents.get(task) ?? this.#metadata.parents(task)
    keepLast(this.#parents, task, parents)
    return parents
  }
}

function keepLast<T>(cache: Map<number, T>, key: number, value: T): void {
  cache.delete(key)
  cache.set(key, value)
  if (cache.size <= maxCached) return
  for (const oldest of cache.keys()) {
    cache.delete(oldest)
    return
  }
}
