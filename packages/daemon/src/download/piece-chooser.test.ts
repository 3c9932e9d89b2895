import { seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { choosePiece, type ParentView } from './piece-chooser.ts'

const parent = (id: string, pieces: number[], inFlight = 0, slots = 2): ParentView => ({
  id,
  pieces: new Set(pieces),
  inFlight,
  slots,
  isSeed: id === 'seed',
})

describe('choosePiece()', () => {
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
})
