import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { PieceMap } from './piece-map.ts'
import { rarest } from './rarest.ts'

const random = seededRandom(1)

function mapOf(pieceCount: number, held: readonly (readonly number[])[]): PieceMap {
  const map = new PieceMap(pieceCount)
  map.want(0, pieceCount)
  for (const pieces of held) {
    const slot = map.add(true)
    for (const piece of pieces) map.neighbourHas(slot, piece)
  }
  return map
}

const all = { first: 0, end: 100, fromFarToo: true }

describe('rarest', () => {
  test('takes the piece that the fewest neighbours hold', () => {
    const map = mapOf(100, [[1, 50, 99], [1, 50], [1]])
    expect(rarest(map, 0, all, random)).toBe(99)
    expect(rarest(map, 1, all, random)).toBe(50)
    expect(rarest(map, 2, all, random)).toBe(1)
  })

  test('takes neither what is here nor what is fetched, nor what is outside the span', () => {
    const map = mapOf(100, [[1, 50, 99]])
    map.arrived(1)
    map.setBusy(50, true)
    expect(rarest(map, 0, all, random)).toBe(99)
    expect(rarest(map, 0, { ...all, end: 99 }, random)).toBe(-1)
    expect(rarest(map, 0, { ...all, first: 99 }, random)).toBe(99)
  })

  test('takes from far only what nobody near has or fetches, unless told otherwise', () => {
    const map = mapOf(100, [[1]])
    const far = map.add(false)
    for (const piece of [1, 2, 3]) map.neighbourHas(far, piece)
    map.neighbourFetches(0, 2, true)
    expect(rarest(map, far, { ...all, fromFarToo: false }, random)).toBe(3)
    map.setBusy(3, true)
    expect(rarest(map, far, { ...all, fromFarToo: false }, random)).toBe(-1)
    expect(rarest(map, far, all, random)).toBe(2)
  })

  test('draws among equals by chance', () => {
    const map = mapOf(100, [
      [...Array(100).keys()],
      [...Array(100).keys()].filter((n) => n % 10 !== 0),
    ])
    const drawn = new Set([...Array(200)].map(() => rarest(map, 0, all, random)))
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
  })

  test('finds the last piece of millions', () => {
    const count = 4_000_000
    const map = new PieceMap(count)
    map.want(count - 1, count)
    const slot = map.add(true)
    map.neighbourHas(slot, count - 1)
    expect(rarest(map, slot, { ...all, end: count }, random)).toBe(count - 1)
  })
})
