import { chiSquareTail } from './chi-square.ts'

/** An arm as the split sees it. */
export interface Split {
  /** Swarms that were counted. */
  readonly swarms: number
  /** What share it should have, in any unit. */
  readonly weight: number
}

/**
 * The chance that a fair split is as far from the weights as this one (Pearson's chi-square). Very small: swarms of some arm
 * get lost, by failing, ending early or not being reported, and the two arms can no longer be compared.
 */
export function sampleRatioP(splits: readonly Split[]): number {
  const swarms = splits.reduce((sum, split) => sum + split.swarms, 0)
  const weight = splits.reduce((sum, split) => sum + split.weight, 0)
  if (swarms === 0 || splits.length < 2) return 1
  let chiSquare = 0
  for (const split of splits) {
    const expected = (swarms * split.weight) / weight
    chiSquare += (split.swarms - expected) ** 2 / expected
  }
  return chiSquareTail(chiSquare, splits.length - 1)
}
