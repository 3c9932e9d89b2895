import { type Random, randomInt } from '@damselfly/core'
import { IndexedSet } from './indexed-set.ts'

/** How busy a parent is. */
export interface ParentLoad {
  /** Pieces being fetched from it now. */
  readonly inFlight: number
  /** Pieces that may be fetched from it at a time. */
  readonly slots: number
  /** A seed has to serve everybody; others are asked first. */
  readonly isSeed: boolean
}

/** Less than one piece, so it decides between equally busy holders only. */
const seedLoad = 0.5

/**
 * Chooses the next piece and whom to ask: the piece that fewest parents hold (local rarest first keeps every uplink
 * useful and needs no global counters), ties by chance so that peers who start together fetch different pieces; of its
 * holders the least busy one, seeds last.
 *
 * It is told of every change, so that a choice looks at the parents only and not at all pieces: for each parent it keeps the
 * pieces that can be had there, sorted by how many hold them.
 */
export class PieceChooser<Parent> {
  /** Wanted, not here and not being fetched, as far as it was told. */
  readonly #free = new IndexedSet()
  /** Of all pieces that a parent has told of. */
  readonly #holders = new Map<number, Set<Parent>>()
  /** The free pieces of each parent; the place in the list is the number of holders. */
  readonly #offers = new Map<Parent, IndexedSet[]>()

  get free(): Iterable<number> {
    return this.#free
  }

  /** The piece is wanted, not here and not being fetched. */
  release(piece: number): void {
    if (this.#free.has(piece)) return
    this.#free.add(piece)
    this.#sort(piece, true)
  }

  /** The piece is being fetched, or here. */
  take(piece: number): void {
    if (!this.#free.has(piece)) return
    this.#free.delete(piece)
    this.#sort(piece, false)
  }

  /** The parent can be asked for this piece. */
  announced(parent: Parent, piece: number): void {
    const holders = this.#holders.get(piece) ?? new Set()
    this.#holders.set(piece, holders)
    if (holders.has(parent)) return
    const isFree = this.#free.has(piece)
    if (isFree) this.#sort(piece, false)
    holders.add(parent)
    if (!this.#offers.has(parent)) this.#offers.set(parent, [])
    if (isFree) this.#sort(piece, true)
  }

  /** The parent cannot be asked any more. */
  forget(parent: Parent): void {
    if (!this.#offers.delete(parent)) return
    for (const [piece, holders] of this.#holders) {
      if (!holders.has(parent)) continue
      const isFree = this.#free.has(piece)
      if (isFree) this.#sort(piece, false)
      holders.delete(parent)
      if (isFree) this.#sort(piece, true)
    }
  }

  /** A free piece can be had there. */
  offers(parent: Parent): boolean {
    return this.#offers.get(parent)?.some((pieces) => pieces.size > 0) ?? false
  }

  /** `undefined` when no parent with a free slot holds a free piece. */
  choose(
    loadOf: (parent: Parent) => ParentLoad,
    random: Random,
  ): { piece: number; parent: Parent } | undefined {
    const able = [...this.#offers.keys()].filter((parent) => hasSlot(loadOf(parent)))
    const rarest = this.#rarest(able)
    if (rarest.length === 0) return undefined
    const piece = drawOne(rarest, random)
    const holders = able.filter((parent) => this.#holders.get(piece)?.has(parent))
    return { piece, parent: leastBusy(holders, loadOf, random) }
  }

  /** Of each of these parents the free pieces that fewest hold. */
  #rarest(parents: readonly Parent[]): IndexedSet[] {
    const offers = parents.map((parent) => this.#offers.get(parent) ?? [])
    const most = Math.max(0, ...offers.map((offer) => offer.length))
    for (let holders = 1; holders < most; holders++) {
      const sets = offers.map((offer) => offer[holders]).filter((set) => set !== undefined)
      const filled = sets.filter((set) => set.size > 0)
      if (filled.length > 0) return filled
    }
    return []
  }

  /** Puts a free piece where it belongs with each of its holders, or takes it away there. */
  #sort(piece: number, isIn: boolean): void {
    const holders = this.#holders.get(piece) ?? []
    const count = this.#holders.get(piece)?.size ?? 0
    for (const parent of holders) {
      const offer = this.#offers.get(parent)
      if (offer === undefined) continue
      while (offer.length <= count) offer.push(new IndexedSet())
      if (isIn) offer[count]?.add(piece)
      else offer[count]?.delete(piece)
    }
  }
}

const hasSlot = ({ inFlight, slots }: ParentLoad): boolean => inFlight < slots

/** More would only make a bias smaller that nobody can see. */
const maxDraws = 16

/** One of all, each with equal probability, also those that are in several sets. None of these is empty. */
function drawOne(sets: readonly IndexedSet[], random: Random): number {
  const total = sets.reduce((sum, { size }) => sum + size, 0)
  for (let draws = 1; ; draws++) {
    let place = randomInt(random, total)
    const set = sets.find(({ size }) => {
      if (place < size) return true
      place -= size
      return false
    })
    const piece = set?.draw(random)
    if (piece === undefined) continue
    // Who is in three sets is drawn three times as often.
    const times = sets.filter((one) => one.has(piece)).length
    if (times === 1 || draws === maxDraws || randomInt(random, times) === 0) return piece
  }
}

function leastBusy<Parent>(
  holders: readonly Parent[],
  loadOf: (parent: Parent) => ParentLoad,
  random: Random,
): Parent {
  const loads = holders.map((parent) => {
    const { inFlight, isSeed } = loadOf(parent)
    return inFlight + (isSeed ? seedLoad : 0)
  })
  const least = Math.min(...loads)
  const candidates = holders.filter((_, at) => loads[at] === least)
  return candidates[randomInt(random, candidates.length)] as Parent
}
