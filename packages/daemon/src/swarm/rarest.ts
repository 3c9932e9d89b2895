import { type Random, randomInt } from '@damselfly/core'
import { lowestBit, spanMask } from './bits.ts'
import type { Slot } from './messages.ts'
import type { PieceMap } from './piece-map.ts'

/** Of more pieces a sample says as well which ones are rare. */
const enough = 512
/** Shared by all: a search ends before the next begins. */
const ties = new Uint32Array(enough + 32)

export interface RarestSearch {
  /** Only pieces of [first, end). */
  readonly first: number
  readonly end: number
  /** From a far neighbour also what somebody near has or fetches. */
  readonly fromFarToo: boolean
}

/**
 * Of the open pieces that this neighbour could give one that the fewest neighbours hold, ties by chance; -1 when there is none.
 *
 * Local rarest first keeps every uplink useful and needs no counters of the whole swarm. The search begins anywhere and ends with
 * the first piece that nobody else holds, or after a sample, so its cost does not grow with the task.
 */
export function rarest(map: PieceMap, slot: Slot, search: RarestSearch, random: Random): number {
  const { first, end, fromFarToo } = search
  const firstWord = first >>> 5
  const span = ((end + 31) >>> 5) - firstWord
  if (span <= 0) return -1
  const start = span === 1 ? 0 : randomInt(random, span)
  let fewest = Number.POSITIVE_INFINITY
  let found = 0
  let seen = 0
  for (let step = 0; step < span; step++) {
    const word = firstWord + ((start + step) % span)
    let bits = map.openWord(slot, word, fromFarToo)
    if (bits !== 0) bits &= spanMask(word, first, end)
    for (; bits !== 0; bits &= bits - 1) {
      const piece = word * 32 + lowestBit(bits)
      const holders = map.holders[piece] ?? 0
      seen += 1
      if (holders > fewest) continue
      if (holders < fewest) found = 0
      fewest = holders
      ties[found] = piece
      found += 1
    }
    if (found > 0 && (fewest <= 1 || seen >= enough)) break
  }
  if (found === 0) return -1
  return ties[found === 1 ? 0 : randomInt(random, found)] ?? -1
}
