import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PieceMap } from './piece-map.ts'

const pieceCount = 70
const slots = 5

/** The same facts as plain sets, counted anew at each look. */
class PlainMap {
  readonly mine = new Set<number>()
  readonly busy = new Set<number>()
  readonly wanted = new Set<number>()
  readonly near = new Map<number, boolean>()
  readonly have = new Map<number, Set<number>>()
  readonly fetching = new Map<number, Set<number>>()

  isOpen(piece: number): boolean {
    return this.wanted.has(piece) && !this.mine.has(piece) && !this.busy.has(piece)
  }

  isCovered(piece: number): boolean {
    return [...this.near].some(
      ([slot, isNear]) =>
        isNear && (this.have.get(slot)?.has(piece) || this.fetching.get(slot)?.has(piece)),
    )
  }

  openAt(slot: number): number {
    const isNear = this.near.get(slot)
    return [...(this.have.get(slot) ?? [])].filter(
      (piece) => this.isOpen(piece) && (isNear || !this.isCovered(piece)),
    ).length
  }
}

const step = fc.record({
  kind: fc.constantFrom(
    'has',
    'has',
    'has',
    'lost',
    'fetch',
    'stop',
    'arrive',
    'arrive',
    'drop',
    'busy',
    'free',
    'want',
    'leave',
    'unwant',
  ),
  slot: fc.nat(slots - 1),
  piece: fc.nat(pieceCount - 1),
} as const)

function apply(
  { kind, slot, piece }: { kind: string; slot: number; piece: number },
  map: PieceMap,
  plain: PlainMap,
): void {
  switch (kind) {
    case 'has':
      map.neighbourHas(slot, piece)
      plain.have.get(slot)?.add(piece)
      break
    case 'lost':
      map.neighbourLost(slot, piece)
      plain.have.get(slot)?.delete(piece)
      break
    case 'fetch':
    case 'stop':
      map.neighbourFetches(slot, piece, kind === 'fetch')
      if (kind === 'fetch') plain.fetching.get(slot)?.add(piece)
      else plain.fetching.get(slot)?.delete(piece)
      break
    case 'arrive':
      map.arrived(piece)
      plain.mine.add(piece)
      plain.busy.delete(piece)
      break
    case 'drop':
      map.lost(piece)
      plain.mine.delete(piece)
      break
    case 'busy':
    case 'free':
      map.setBusy(piece, kind === 'busy')
      if (kind === 'free') plain.busy.delete(piece)
      else if (!plain.mine.has(piece)) plain.busy.add(piece)
      break
    case 'want':
      map.want(piece, Math.min(pieceCount, piece + 9))
      for (let n = piece; n < Math.min(pieceCount, piece + 9); n++) plain.wanted.add(n)
      break
    case 'unwant':
      map.wantNothing()
      plain.wanted.clear()
      break
    case 'leave': {
      const isNear = plain.near.get(slot) ?? true
      map.remove(slot)
      join(map, plain, !isNear)
      break
    }
  }
}

function join(map: PieceMap, plain: PlainMap, isNear: boolean): void {
  const slot = map.add(isNear)
  plain.near.set(slot, isNear)
  plain.have.set(slot, new Set())
  plain.fetching.set(slot, new Set())
}

function compare(map: PieceMap, plain: PlainMap): void {
  const pieces = [...Array(pieceCount).keys()]
  const missing = pieces.filter((n) => plain.wanted.has(n) && !plain.mine.has(n))
  expect(map.openCount).toBe(pieces.filter((n) => plain.isOpen(n)).length)
  expect(map.missing).toBe(missing.length)
  expect(map.firstHole(0)).toBe(missing[0])
  for (const n of pieces) {
    const holders = [...plain.have.values()].filter((have) => have.has(n)).length
    expect(map.holders[n]).toBe(holders)
    expect(map.isCovered(n)).toBe(plain.isCovered(n))
  }
  for (let slot = 0; slot < slots; slot++) {
    const have = plain.have.get(slot) ?? new Set()
    expect(map.held(slot)).toBe(have.size)
    expect(map.openAt(slot)).toBe(plain.openAt(slot))
    expect(map.offers(slot)).toBe([...plain.mine].filter((n) => !have.has(n)).length)
  }
}

describe('PieceMap', () => {
  test('counts what a plain recount finds, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const map = new PieceMap(pieceCount)
        const plain = new PlainMap()
        for (let slot = 0; slot < slots; slot++) join(map, plain, slot % 2 === 0)
        for (const one of steps) apply(one, map, plain)
        compare(map, plain)
      }),
    )
  })

  test('has room for many neighbours and uses a free number again', () => {
    const map = new PieceMap(10)
    const numbers = [...Array(100).keys()].map(() => map.add(true))
    expect(numbers).toEqual([...Array(100).keys()])
    map.neighbourHas(99, 3)
    map.remove(7)
    expect(map.add(false)).toBe(7)
    expect(map.holds(99, 3)).toBe(true)
    expect(map.end).toBe(100)
  })
})
