import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { PieceMap } from './piece-map.ts'
import { SuperSeed } from './super-seed.ts'

const random = seededRandom(1)
const pieceCount = 100

function fullMap(children: number): PieceMap {
  const map = new PieceMap(pieceCount)
  for (let piece = 0; piece < pieceCount; piece++) map.arrived(piece)
  for (let child = 0; child < children; child++) map.add(true)
  return map
}

describe('SuperSeed', () => {
  test('gives every piece once before it gives any twice, whoever asks', () => {
    const map = fullMap(3)
    const seed = new SuperSeed(map)
    const rounds = [0, 1].map(() =>
      [...Array(pieceCount).keys()].map((n) => {
        const piece = seed.choose(n % 3, random)
        seed.given(piece)
        return piece
      }),
    )
    for (const round of rounds) expect(new Set(round).size).toBe(pieceCount)
  })

  test('gives every piece of a long task once before any twice', () => {
    const count = 5_000
    const map = new PieceMap(count)
    for (let piece = 0; piece < count; piece++) map.arrived(piece)
    map.add(true)
    const seed = new SuperSeed(map)
    for (let round = 0; round < 2; round++) {
      const pieces = new Set<number>()
      for (let n = 0; n < count; n++) {
        const piece = seed.choose(0, random)
        seed.given(piece)
        pieces.add(piece)
      }
      expect(pieces.size).toBe(count)
    }
  })

  test('gives a piece again that was not taken', () => {
    const map = fullMap(1)
    const seed = new SuperSeed(map)
    for (let piece = 0; piece < pieceCount; piece++) seed.given(piece)
    seed.returned(42)
    expect(seed.choose(0, random)).toBe(42)
  })

  test('prefers what few of its neighbours hold, and gives nothing that the child has', () => {
    const map = fullMap(2)
    const seed = new SuperSeed(map)
    for (let piece = 0; piece < pieceCount; piece++) if (piece !== 7) map.neighbourHas(1, piece)
    expect(seed.choose(0, random)).toBe(7)
    expect(seed.choose(1, random)).toBe(7)
    map.neighbourHas(1, 7)
    expect(seed.choose(1, random)).toBe(-1)
  })

  test('gives what has come only now', () => {
    const map = new PieceMap(pieceCount)
    map.add(true)
    const seed = new SuperSeed(map)
    expect(seed.choose(0, random)).toBe(-1)
    map.arrived(9)
    expect(seed.choose(0, random)).toBe(9)
  })
})
