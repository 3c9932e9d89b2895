import { type Random, randomInt, seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { PieceChooser } from './piece-chooser.ts'

interface Parent {
  readonly id: string
  readonly pieces: readonly number[]
  readonly inFlight: number
  readonly slots: number
  readonly isSeed: boolean
}

const parent = (id: string, pieces: number[], inFlight = 0, slots = 2): Parent => ({
  id,
  pieces,
  inFlight,
  slots,
  isSeed: id === 'seed',
})

/** What a chooser that was told all this chooses. */
function choosePiece(
  { missing, parents }: { missing: readonly number[]; parents: readonly Parent[] },
  random: Random,
) {
  const choice = chooserOf(missing, parents).choose((one) => one, random)
  return choice && { piece: choice.piece, parent: choice.parent.id }
}

function chooserOf(missing: readonly number[], parents: readonly Parent[]): PieceChooser<Parent> {
  const chooser = new PieceChooser<Parent>()
  for (const piece of missing) chooser.release(piece)
  for (const one of parents) for (const piece of one.pieces) chooser.announced(one, piece)
  return chooser
}

describe('PieceChooser', () => {
  const random = seededRandom(1)

  it('takes the piece that fewest parents hold', () => {
    const parents = [parent('a', [0, 1, 2]), parent('b', [0, 1]), parent('c', [0])]
    expect(choosePiece({ missing: [0, 1, 2], parents }, random)).toEqual({ piece: 2, parent: 'a' })
  })

  it('asks the least busy holder', () => {
    const parents = [parent('a', [5], 1), parent('b', [5], 0)]
    expect(choosePiece({ missing: [5], parents }, random)).toEqual({ piece: 5, parent: 'b' })
  })

  it('spares the seed when an equally busy peer holds the piece too', () => {
    const parents = [parent('seed', [5], 0), parent('a', [5], 0)]
    for (let i = 0; i < 20; i++) {
      expect(choosePiece({ missing: [5], parents }, random)).toEqual({ piece: 5, parent: 'a' })
    }
    const busy = [parent('seed', [5], 0), parent('a', [5], 1)]
    expect(choosePiece({ missing: [5], parents: busy }, random)).toEqual({
      piece: 5,
      parent: 'seed',
    })
  })

  it('skips parents without a free slot, and pieces that only they hold', () => {
    const parents = [parent('a', [0], 2), parent('b', [1])]
    expect(choosePiece({ missing: [0, 1], parents }, random)).toEqual({ piece: 1, parent: 'b' })
  })

  it('chooses nothing when nobody holds a missing piece', () => {
    expect(choosePiece({ missing: [3], parents: [parent('a', [0])] }, random)).toBeUndefined()
    expect(choosePiece({ missing: [], parents: [parent('a', [0])] }, random)).toBeUndefined()
    expect(choosePiece({ missing: [0], parents: [] }, random)).toBeUndefined()
  })

  it('spreads equally rare pieces by chance', () => {
    const missing = Array.from({ length: 10 }, (_, n) => n)
    const picks = new Map<number, number>()
    for (let i = 0; i < 5_000; i++) {
      const pick = choosePiece({ missing, parents: [parent('a', missing)] }, random)
      picks.set(pick!.piece, (picks.get(pick!.piece) ?? 0) + 1)
    }
    for (const n of missing) {
      expect(picks.get(n), `piece ${n}`).toBeGreaterThan(350)
      expect(picks.get(n), `piece ${n}`).toBeLessThan(650)
    }
  })

  it('gives equally rare pieces the same chance, however many free parents hold which', () => {
    const parents = [parent('a', [0, 1, 2]), parent('b', [0, 1, 3]), parent('c', [2, 3])]
    const picks = [0, 0, 0, 0]
    for (let i = 0; i < 4_000; i++) {
      const { piece } = choosePiece({ missing: [0, 1, 2, 3], parents }, random)!
      picks[piece] = (picks[piece] ?? 0) + 1
    }
    for (const [piece, count] of picks.entries()) {
      expect(count, `piece ${piece}`).toBeGreaterThan(850)
      expect(count, `piece ${piece}`).toBeLessThan(1_150)
    }
  })

  it('does not choose what has been taken, and does again when it is released', () => {
    const [a, b] = [parent('a', [0, 1]), parent('b', [1])]
    const chooser = chooserOf([0, 1], [a, b])
    const choose = () => chooser.choose((one) => one, random)
    chooser.take(0)
    expect(choose()?.piece).toBe(1)
    chooser.take(1)
    expect(choose()).toBeUndefined()
    expect(chooser.offers(a)).toBe(false)
    chooser.release(0)
    expect(choose()).toEqual({ piece: 0, parent: a })
    expect(chooser.offers(a)).toBe(true)
    expect(chooser.offers(b)).toBe(false)
  })

  it('counts a parent that is forgotten no more', () => {
    const [a, b] = [parent('a', [0, 1]), parent('b', [1])]
    const chooser = chooserOf([0, 1], [a, b])
    chooser.forget(b)
    const picks = new Set(Array.from({ length: 50 }, () => chooser.choose((p) => p, random)?.piece))
    expect(picks).toEqual(new Set([0, 1]))
    chooser.forget(a)
    expect(chooser.choose((p) => p, random)).toBeUndefined()
  })

  it('chooses after any changes what a look at everything would allow', () => {
    for (let round = 0; round < 200; round++) {
      const chooser = new PieceChooser<Parent>()
      const parents = ['a', 'b', 'c'].map((id) => parent(id, [], randomInt(random, 3)))
      const free = new Set<number>()
      const held = new Map<Parent, Set<number>>()
      for (let step = 0; step < 40; step++) {
        const piece = randomInt(random, 6)
        const one = parents[randomInt(random, 3)]!
        const change = randomInt(random, 8)
        if (change < 3) {
          chooser.announced(one, piece)
          held.set(one, (held.get(one) ?? new Set()).add(piece))
        } else if (change < 5) {
          chooser.release(piece)
          free.add(piece)
        } else if (change < 7) {
          chooser.take(piece)
          free.delete(piece)
        } else {
          chooser.forget(one)
          held.delete(one)
        }
        const able = parents.filter((p) => p.inFlight < p.slots)
        const count = (n: number) => [...held.values()].filter((pieces) => pieces.has(n)).length
        const offered = [...free].filter((n) => able.some((p) => held.get(p)?.has(n)))
        const choice = chooser.choose((p) => p, random)
        expect(choice === undefined, `round ${round}`).toBe(offered.length === 0)
        if (choice === undefined) continue
        expect(offered).toContain(choice.piece)
        expect(count(choice.piece)).toBe(Math.min(...offered.map(count)))
        expect(held.get(choice.parent)).toContain(choice.piece)
        expect(able).toContain(choice.parent)
      }
    }
  })
})
