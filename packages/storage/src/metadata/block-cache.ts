import type { Metadata } from './metadata.ts'
import { PieceBlock } from './piece-block.ts'
import { blockId } from './schema.ts'

/** Some 2 MiB at most: downloads and uploads stay within a few blocks at a time. */
const maxBlocksCached = 512

/** The blocks used last, of all tasks. */
export class BlockCache {
  readonly #metadata: Metadata
  readonly #blocks = new Map<number, PieceBlock>()

  constructor(metadata: Metadata) {
    this.#metadata = metadata
  }

  /** A block that is not stored, or was damaged, is an empty one. */
  get(task: number, number: number, isSealed: boolean): PieceBlock {
    const id = blockId(task, number)
    const known = this.#blocks.get(id)
    const block =
      known ?? this.#metadata.block(task, number, isSealed) ?? PieceBlock.empty(isSealed)
    this.#keep(id, block)
    return block
  }

  set(task: number, number: number, block: PieceBlock): void {
    this.#keep(blockId(task, number), block)
  }

  #keep(id: number, block: PieceBlock): void {
    this.#blocks.delete(id)
    this.#blocks.set(id, block)
    if (this.#blocks.size <= maxBlocksCached) return
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest)
      return
    }
  }
}
