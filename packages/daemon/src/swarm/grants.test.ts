import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { Grants } from './grants.ts'
import { PieceMap } from './piece-map.ts'

function grantsFor(held: readonly number[], depth = 1): { map: PieceMap; grants: Grants } {
  const map = new PieceMap(10)
  for (let piece = 0; piece < 10; piece++) map.arrived(piece)
  const grants = new Grants(map, depth, seededRandom(1))
  for (const count of held) {
    const slot = map.add(true)
    grants.add(slot)
    for (let piece = 0; piece < count; piece++) map.neighbourHas(slot, piece)
  }
  return { map, grants }
}

describe('Grants', () => {
  test('go to those who are interested, each as often as the others', () => {
    const { grants } = grantsFor([5, 2, 1, 8])
    expect(grants.next()).toBeUndefined()
    for (const slot of [0, 1, 3]) grants.interested(slot)
    const chosen = [0, 0, 0, 0]
    for (let i = 0; i < 300; i++) {
      const slot = grants.next() ?? 2
      chosen[slot] = chosen[slot]! + 1
    }
    expect(chosen[2]).toBe(0)
    for (const slot of [0, 1, 3]) expect(chosen[slot]).toBeGreaterThan(60)
  })

  test('go to nobody who has everything that is here', () => {
    const { grants } = grantsFor([10])
    grants.interested(0)
    expect(grants.next()).toBeUndefined()
  })

  test('are one at a time for each neighbour, until the piece has been sent', () => {
    const { grants } = grantsFor([0])
    grants.interested(0)
    grants.grant(0, 4, 0)
    expect(grants.next()).toBeUndefined()
    expect(grants.started(0, 0)).toBe(4)
    expect(grants.started(0, 0)).toBeUndefined()
    expect(grants.next()).toBeUndefined()
    expect(grants.taken).toBe(1)
    grants.ended(0)
    expect(grants.taken).toBe(0)
    expect(grants.next()).toBe(0)
  })

  test('go a second time to the same neighbour only when nobody else wants one, and no deeper', () => {
    const { grants } = grantsFor([0, 5], 2)
    grants.interested(0)
    grants.interested(1)
    grants.grant(0, 4, 0)
    expect(grants.next()).toBe(1)
    grants.grant(1, -1, 0)
    expect(grants.next()).toBe(0)
    grants.grant(0, 7, 0)
    grants.grant(1, -1, 0)
    expect(grants.next()).toBeUndefined()
    expect([grants.started(0, 0), grants.started(0, 0)]).toEqual([4, 7])
    grants.remove(0)
    expect(grants.taken).toBe(2)
  })

  test('free their slot when declined, and the interest is over', () => {
    const { grants } = grantsFor([0])
    grants.interested(0)
    grants.grant(0, -1, 0)
    expect(grants.declined(0)).toBe(-1)
    expect(grants.taken).toBe(0)
    expect(grants.next()).toBeUndefined()
    expect(grants.declined(0)).toBeUndefined()
  })

  test('expire when nothing follows', () => {
    const { grants } = grantsFor([0, 0])
    grants.grant(0, -1, 0)
    grants.grant(1, -1, 0)
    grants.started(1, 0)
    expect(grants.expired(999)).toBeUndefined()
    expect(grants.expired(1_000)).toBe(0)
    grants.remove(0)
    expect(grants.expired(1_000)).toBeUndefined()
    expect(grants.taken).toBe(1)
  })

  test('are drawn among equals by chance', () => {
    const { grants } = grantsFor([0, 0, 0])
    for (const slot of [0, 1, 2]) grants.interested(slot)
    expect(new Set([...Array(50)].map(() => grants.next()))).toEqual(new Set([0, 1, 2]))
  })
})
