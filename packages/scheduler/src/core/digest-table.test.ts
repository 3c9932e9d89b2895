import { expect, test } from 'vitest'
import { DigestTable } from './digest-table.ts'

const strong = (value: number) => new Uint8Array(32).fill(value)
const piece = (number: number, value: number) => ({ number, blake3: strong(value), crc32: value })
const crcOnly = (number: number, crc32: number) => ({ number, blake3: undefined, crc32 })
const strongOnly = (number: number, v: number) => ({ number, blake3: strong(v), crc32: undefined })
const origin = { fromOrigin: true, callId: 1 }
const held = { fromOrigin: false, callId: 2 }

function table(pieceCount = 8): DigestTable {
  const created = new DigestTable()
  created.reserve(pieceCount, pieceCount)
  return created
}

test('what the origin gave first stands', () => {
  const t = table()
  expect(t.record(piece(1, 7), origin)).toBe('news')
  expect(t.record(piece(1, 7), origin)).toBe('same')
  expect(t.record(piece(1, 8), origin)).toBe('contradiction')
  expect(t.record(piece(1, 8), held)).toBe('contradiction')
  expect(t.get(1)).toEqual(piece(1, 7))
  expect(t.count).toBe(1)
})

test('what a host merely holds gives way to the origin, not to another holder', () => {
  const t = table()
  t.record(piece(1, 7), held)
  expect(t.record(piece(1, 8), held)).toBe('contradiction')
  expect(t.record(piece(1, 9), origin)).toBe('correction')
  expect(t.record(piece(1, 7), held)).toBe('contradiction')
  expect(t.get(1)).toEqual(piece(1, 9))
  expect(t.count).toBe(1)
})

test('what the origin confirms is no news, and stands from then on', () => {
  const t = table()
  t.record(piece(1, 7), held)
  expect(t.record(piece(1, 7), origin)).toBe('same')
  expect(t.record(piece(1, 8), origin)).toBe('contradiction')
})

test('a CRC-32 from the origin is completed by a BLAKE3 that fits, and refuses one that does not', () => {
  const t = table()
  expect(t.record(crcOnly(1, 7), origin)).toBe('news')
  expect(t.record(piece(1, 8), origin)).toBe('contradiction')
  expect(t.record(piece(1, 7), held)).toBe('news')
  expect(t.get(1)).toEqual(piece(1, 7))
  expect(t.record({ ...piece(1, 7), blake3: strong(9) }, origin), 'the BLAKE3 was only held').toBe(
    'correction',
  )
  expect(t.get(1)).toEqual({ ...piece(1, 7), blake3: strong(9) })
})

test('a BLAKE3 gets its CRC-32 later, and a host that held both loses both', () => {
  const t = table()
  t.record(strongOnly(0, 7), origin)
  expect(t.record(crcOnly(0, 7), origin)).toBe('news')
  t.record(piece(1, 7), held)
  expect(t.record(strongOnly(1, 8), origin)).toBe('correction')
  expect(t.get(1), 'its CRC-32 was of other bytes').toEqual(strongOnly(1, 8))
})

test('a reader hears of each piece once, as it is now, and not of its own', () => {
  const t = table()
  t.record(piece(3, 1), held)
  t.record(piece(1, 1), origin)
  t.record(piece(3, 2), { fromOrigin: true, callId: 3 })
  const all = t.readFrom(0, { except: 0, max: 10 })
  expect(all.pieces).toEqual([piece(3, 2), piece(1, 1)])
  expect(t.readFrom(all.cursor, { except: 0, max: 10 }).pieces).toEqual([])
  expect(t.readFrom(0, { except: 1, max: 10 }).pieces).toEqual([piece(3, 2)])
  expect(t.readFrom(0, { except: 3, max: 10 }).pieces).toEqual([piece(1, 1)])
})

test('a reader that takes few at a time gets all', () => {
  const t = table(100)
  for (let n = 0; n < 100; n++) t.record(piece(n, n), origin)
  const seen: number[] = []
  for (let cursor = 0; cursor < t.end; ) {
    const part = t.readFrom(cursor, { except: 0, max: 7 })
    expect(part.pieces.length).toBeLessThanOrEqual(7)
    seen.push(...part.pieces.map(({ number }) => number))
    cursor = part.cursor
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n))
})

test('memory grows with the largest number, by doubling, and not beyond the limit', () => {
  const t = new DigestTable()
  const perPiece = 44
  expect(t.growth(1, 1)).toBe(perPiece)
  expect(t.growth(1, 1000)).toBe(4 * perPiece)
  t.reserve(100, 1000)
  expect(t.bytes).toBe(100 * perPiece)
  expect(t.growth(100, 1000)).toBe(0)
  expect(t.growth(101, 1000)).toBe(100 * perPiece)
  expect(t.growth(101, 150)).toBe(50 * perPiece)
  expect(t.get(5000)).toBeUndefined()
})

test('values survive growing, the largest CRC-32 too', () => {
  const t = table(1)
  t.record({ ...piece(0, 1), crc32: 0xffff_ffff }, origin)
  t.reserve(50_000, 50_000)
  t.record(piece(49_999, 3), origin)
  expect(t.get(0)).toEqual({ ...piece(0, 1), crc32: 0xffff_ffff })
  expect(t.get(49_999)).toEqual(piece(49_999, 3))
})

test('what is handed out does not change any more', () => {
  const t = table()
  t.record(piece(0, 1), held)
  const before = t.get(0)
  t.record(piece(0, 2), origin)
  expect(before).toEqual(piece(0, 1))
})
