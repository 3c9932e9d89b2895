import { type Random, randomInt } from '@damselfly/core'

/** What the chooser sees of a parent. */
export interface ParentView {
  readonly id: string
  readonly pieces: ReadonlySet<number>
  /** Pieces being fetched from it now. */
  readonly inFlight: number
  /** Pieces that may be fetched from it at a time. */
  readonly slots: number
  /** A seed has to serve everybody; others are asked first. */
  readonly isSeed: boolean
}

/** Less than one piece, so it decides between equally busy holders only. */
const seedLoad = 0.5

export interface ChooserView {
  /** Pieces wanted, not here and not being fetched. */
  readonly missing: Iterable<number>
  readonly parents: readonly ParentView[]
}

/**
 * Chooses the next piece and whom to ask: the piece that fewest parents hold (local rarest first keeps every uplink
 * useful and needs no global counters), ties by chance so that peers who start together fetch different pieces; of its
 * holders the least busy one, seeds last. `undefined` when no parent with a free slot holds a missing piece.
 */
export function choosePiece(
  view: ChooserView,
  random: Random,
): { piece: number; parent: string } | undefined {
  const free = view.parents.filter((p) => p.inFlight < p.slots)
  if (free.length === 0) return undefined
  let best: number | undefined
  let bestHolders = Number.POSITIVE_INFINITY
  let ties = 0
  for (const piece of view.missing) {
    if (!free.some((p) => p.pieces.has(piece))) continue
    const holders = count(view.parents, piece)
    if (holders > bestHolders) continue
    ties = holders < bestHolders ? 1 : ties + 1
    // Reservoir sampling: each of the tied pieces is kept with equal probability.
    if (holders < bestHolders || randomInt(random, ties) === 0) best = piece
    bestHolders = holders
  }
  if (best === undefined) return undefined
  return { piece: best, parent: leastBusy(free, best, random).id }
}

function count(parents: readonly ParentView[], piece: number): number {
  let holders = 0
  for (const p of parents) if (p.pieces.has(piece)) holders += 1
  return holders
}

function leastBusy(free: readonly ParentView[], piece: number, random: Random): ParentView {
  const load = ({ inFlight, isSeed }: ParentView): number => inFlight + (isSeed ? seedLoad : 0)
  const holders = free.filter((p) => p.pieces.has(piece))
  const least = Math.min(...holders.map(load))
  const candidates = holders.filter((p) => load(p) === least)
  return candidates[randomInt(random, candidates.length)] as ParentView
}
