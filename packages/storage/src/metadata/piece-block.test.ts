import { randomInt, seededRandom } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { blockCheck, blockPieces, PieceBlock, type PieceRow } from './piece-block.ts'

const row = (number: number, isSealed: boolean): PieceRow => ({
  number,
  crc32: 0xffff_ff00 + number,
  blake3: new Uint8Array(32).fill(number),
  parent: number * 1000,
  traffic: number % 3,
  costMs: 2 ** 32 - 1 - number,
  createdAt: 1.7e12 + number,
  ...(isSealed
    ? { seal: { nonce: new Uint8Array(12).fill(number), tag: new Uint8Array(16).fill(7) } }
    : {}),
})

const heldIn = (block: PieceBlock): number[] =>
  Array.from({ length: blockPieces }, (_, index) => index).filter((index) => block.has(index))

describe.each([false, true])('PieceBlock (sealed: %s)', (isSealed) => {
  it('gives back what it was given, in any order, and through its bytes', () => {
    const random = seededRandom(3)
    const held = new Map<number, PieceRow>()
    let block = PieceBlock.empty(isSealed)
    for (let step = 0; step < 500; step++) {
      const number = randomInt(random, 64)
      if (random.next() < 0.6) {
        held.set(number, row(number, isSealed))
        block = block.with(row(number, isSealed))
      } else {
        held.delete(number)
        block = block.without(number)
      }
      const again = PieceBlock.from(block.bytes, isSealed)
      expect(again === undefined ? [] : heldIn(again), `step ${step}`).toEqual(
        [...held.keys()].sort((a, b) => a - b),
      )
      for (let n = 0; n < 64; n++) expect(again?.piece(n), `step ${step}`).toEqual(held.get(n))
      expect(block.isEmpty).toBe(held.size === 0)
      const newest = Math.max(0, ...[...held.values()].map((piece) => piece.createdAt))
      expect(block.lastCreatedAt).toBe(newest)
    }
  })

  it('keeps the later of two records of a piece', () => {
    const block = PieceBlock.empty(isSealed)
      .with(row(5, isSealed))
      .with({ ...row(5, isSealed), costMs: 1 })
    expect(block.piece(5)?.costMs).toBe(1)
    expect(heldIn(block)).toEqual([5])
  })

  it('refuses bytes whose length is not that of its pieces', () => {
    const { bytes } = PieceBlock.empty(isSealed).with(row(1, isSealed)).with(row(60, isSealed))
    expect(PieceBlock.from(bytes, !isSealed)).toBeUndefined()
    for (const length of [0, 7, 8, bytes.byteLength - 1]) {
      expect(PieceBlock.from(bytes.subarray(0, length), isSealed), `${length}`).toBeUndefined()
    }
  })
})

it('a block is checked together with its place', () => {
  const bytes = new Uint8Array([1, 2, 3])
  const check = blockCheck(1, 2, bytes)
  expect(blockCheck(1, 2, bytes.slice())).toBe(check)
  for (const other of [
    blockCheck(2, 2, bytes),
    blockCheck(1, 3, bytes),
    blockCheck(1, 2, bytes.subarray(1)),
  ]) {
    expect(other).not.toBe(check)
  }
})
