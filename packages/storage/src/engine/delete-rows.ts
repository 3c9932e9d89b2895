import { type Clock, sleep } from '@damselfly/core'
import type { Metadata } from '../metadata/metadata.ts'
import { blockPieces } from '../metadata/piece-block.ts'
import type { CrashPoint } from './crash-points.ts'

/** Some 2 ms and 1 MiB of log. */
const blocksPerTurn = 256

/** Whether the rows of such a task are too many for one transaction, which would hold up everybody else. */
export const isLongDeletion = (pieceCount: number): boolean =>
  pieceCount > blocksPerTurn * blockPieces

/** Deletes the rows of a condemned task a little at a time. */
export async function deleteRows(
  { row, pieceCount }: { row: number; pieceCount: number },
  { metadata, clock, crash }: { metadata: Metadata; clock: Clock; crash: CrashPoint },
): Promise<void> {
  const blocks = Math.ceil(pieceCount / blockPieces)
  for (let first = 0; first < blocks; first += blocksPerTurn) {
    metadata.deleteBlocks(row, first, first + blocksPerTurn)
    crash('delete:after-blocks')
    await sleep(clock, 0)
  }
  metadata.deleteTask(row)
}
