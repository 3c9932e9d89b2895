import { expect, test } from 'vitest'
import { defaultClientParams } from './client-params.ts'

test.each([
  { pieceCount: 0, concurrency: 4 },
  { pieceCount: 1, concurrency: 2 },
  { pieceCount: 127, concurrency: 2 },
  { pieceCount: 128, concurrency: 4 },
])('of $pieceCount pieces $concurrency are in flight', ({ pieceCount, concurrency }) => {
  const params = defaultClientParams({ pieceCount, hasPlaces: true, meanUplink: 5 })
  expect(params).toMatchObject({ concurrency, farGraceMs: 500, meanUplink: 5 })
})

test('without places nobody waits for somebody nearer', () => {
  const traits = { pieceCount: 256, hasPlaces: false, meanUplink: 0 }
  expect(defaultClientParams(traits).farGraceMs).toBe(0)
})
