import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkPieceLength,
  defaultPieceLength,
  MAX_PIECE_LENGTH,
  MIN_PIECE_LENGTH,
  pieceGeometry,
  pieceSpan,
  piecesOverlapping,
} from './geometry.ts'

const mib = 1024 * 1024
const maxLength = 2 ** 50
const small = fc.record({
  contentLength: fc.nat(1000),
  pieceLength: fc.integer({ min: 1, max: 99 }),
})

describe('defaultPieceLength', () => {
  // interop.md 5.5
  it.each([
    [0, 4],
    [1, 4],
    [500 * 4 * mib, 4],
    [500 * 4 * mib + 499, 4],
    [500 * 4 * mib + 500, 8],
    [500 * 8 * mib, 8],
    [500 * 8 * mib + 500, 16],
    [500 * 32 * mib, 32],
    [500 * 32 * mib + 500, 64],
    [500 * 64 * mib + 500, 64],
    [maxLength, 64],
  ])('of %d bytes is %d MiB', (contentLength, expected) => {
    expect(defaultPieceLength(contentLength)).toBe(expected * mib)
  })

  it('is a power of two between the bounds that gives at most 500 pieces while it can', () => {
    fc.assert(
      fc.property(fc.nat(maxLength), (contentLength) => {
        const { pieceLength, pieceCount } = pieceGeometry(contentLength)
        expect(Number.isInteger(Math.log2(pieceLength))).toBe(true)
        expect(pieceLength >= MIN_PIECE_LENGTH && pieceLength <= MAX_PIECE_LENGTH).toBe(true)
        // A rest of less than 500 bytes may make one piece more.
        if (pieceLength < MAX_PIECE_LENGTH) expect(pieceCount).toBeLessThanOrEqual(501)
      }),
    )
  })
})

describe('checkPieceLength', () => {
  it.each([4 * mib, 5_000_000, 64 * mib])('lets %d through', (length) => {
    expect(checkPieceLength(length)).toBe(length)
  })

  it.each([0, 4 * mib - 1, 64 * mib + 1, 5_000_000.5, Number.NaN])('refuses %d', (length) => {
    expect(() => checkPieceLength(length)).toThrow('between 4 MiB and 64 MiB')
  })
})

describe('pieceGeometry', () => {
  it('has no pieces without content', () => {
    expect(pieceGeometry(0)).toEqual({ contentLength: 0, pieceLength: 4 * mib, pieceCount: 0 })
  })

  it('uses a given piece length as it is', () => {
    expect(pieceGeometry(10, 3)).toEqual({ contentLength: 10, pieceLength: 3, pieceCount: 4 })
  })

  it.each([
    [-1, undefined],
    [0.5, undefined],
    [2 ** 53, undefined],
    [10, 0],
    [10, -4],
    [10, 1.5],
  ])('refuses %d bytes in pieces of %s', (contentLength, pieceLength) => {
    expect(() => pieceGeometry(contentLength, pieceLength)).toThrow('cannot be')
  })
})

describe('pieceSpan', () => {
  it('covers the content without gap and overlap', () => {
    fc.assert(
      fc.property(small, ({ contentLength, pieceLength }) => {
        const geometry = pieceGeometry(contentLength, pieceLength)
        let at = 0
        for (let n = 0; n < geometry.pieceCount; n++) {
          const { offset, length } = pieceSpan(geometry, n)
          expect(offset).toBe(at)
          expect(length > 0 && length <= pieceLength).toBe(true)
          at += length
        }
        expect(at).toBe(contentLength)
      }),
    )
  })

  it.each([-1, 4, 0.5, Number.NaN])('refuses piece %d of 4', (number) => {
    expect(() => pieceSpan(pieceGeometry(10, 3), number)).toThrow('among 4')
  })
})

describe('piecesOverlapping', () => {
  it('takes all pieces without a range', () => {
    expect(piecesOverlapping(pieceGeometry(10, 3))).toEqual({ first: 0, end: 4 })
  })

  it('takes exactly the pieces that hold a byte of the range', () => {
    fc.assert(
      fc.property(small, fc.nat(1100), fc.nat(1100), (sizes, start, length) => {
        const geometry = pieceGeometry(sizes.contentLength, sizes.pieceLength)
        const { first, end } = piecesOverlapping(geometry, { start, length })
        for (let n = 0; n < geometry.pieceCount; n++) {
          const span = pieceSpan(geometry, n)
          const from = Math.max(start, span.offset)
          const overlaps = from < Math.min(start + length, span.offset + span.length)
          expect(n >= first && n < end, `piece ${n}`).toBe(overlaps)
        }
        expect(end).toBeLessThanOrEqual(geometry.pieceCount)
      }),
    )
  })

  it.each([
    { start: 0, length: 0 },
    { start: 10, length: 5 },
    { start: 100, length: 1 },
  ])('is empty for %o of 10 bytes', (range) => {
    expect(piecesOverlapping(pieceGeometry(10, 3), range)).toEqual({ first: 0, end: 0 })
  })

  it.each([
    { start: -1, length: 5 },
    { start: 0, length: -1 },
    { start: 0.5, length: 1 },
  ])('refuses %o', (range) => {
    expect(() => piecesOverlapping(pieceGeometry(10, 3), range)).toThrow('are not a range')
  })
})
