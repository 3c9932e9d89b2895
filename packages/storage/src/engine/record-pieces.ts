import type { Metadata } from '../metadata/metadata.ts'
import { type PieceTable, toPieceRow } from '../metadata/piece-table.ts'
import type { WrittenPiece } from './commit-log.ts'
import type { CrashPoint } from './crash-points.ts'

export interface RecordTarget {
  readonly row: number
  readonly table: PieceTable
  /** In which the blocks are written; 0 = their bytes are on the disk for sure. */
  readonly epoch: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
}

/** Writes the rows of pieces whose bytes are in place. They count when `apply` is called, which must be before any other change. */
export function recordPieces(
  { row, table, epoch, createdAt }: RecordTarget,
  pieces: readonly WrittenPiece[],
  { metadata, crash }: { metadata: Metadata; crash: CrashPoint },
): { apply(): void } {
  const parents = newParents(table, pieces)
  const rows = pieces.map(({ number, digests, seal, facts }) => {
    const parent = parents.get(facts.parentId) ?? table.parentNumber(facts.parentId) ?? 0
    const sealed = seal === undefined ? {} : { seal }
    return toPieceRow({ number, ...digests, parent, ...sealed }, facts, createdAt)
  })
  const changed = table.with(rows)
  const write = (): void => {
    for (const [peerId, number] of parents) {
      crash('commit:before-parent')
      metadata.insertParent(row, number, peerId)
      crash('commit:after-parent')
    }
    crash('commit:before-block')
    for (const { number, block } of changed) metadata.putBlock(row, number, block, epoch)
  }
  if (parents.size + changed.length > 1) metadata.transaction(write)
  else write()
  return {
    apply() {
      for (const [peerId, number] of parents) table.addParent(number, peerId)
      table.changed(changed)
    },
  }
}

function newParents(table: PieceTable, pieces: readonly WrittenPiece[]): Map<string, number> {
  const parents = new Map<string, number>()
  for (const { facts } of pieces) {
    const { parentId } = facts
    if (parents.has(parentId) || table.parentNumber(parentId) !== undefined) continue
    parents.set(parentId, table.nextParentNumber + parents.size)
  }
  return parents
}
