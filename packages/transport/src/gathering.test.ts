import { expect, test } from 'vitest'
import { Gathering } from './gathering.ts'

const KiB = 1024

/** Plays the socket: fills the target. */
function arrive(gathering: Gathering, count: number, wanted: number, fill = 0) {
  const target = gathering.target()
  expect(target.byteLength).toBeGreaterThanOrEqual(16 * KiB)
  target.fill(fill, 0, count)
  return gathering.add(count, wanted)
}

test('reads are put together until what is wanted is there', () => {
  const gathering = new Gathering(64 * KiB)
  expect(arrive(gathering, 1000, 2500, 1)).toBeUndefined()
  expect(arrive(gathering, 1000, 2500, 2)).toBeUndefined()
  const bytes = arrive(gathering, 1000, 2500, 3)
  expect(bytes?.byteLength).toBe(3000)
  expect([bytes?.[0], bytes?.[1000], bytes?.[2999]]).toEqual([1, 2, 3])
  expect(gathering.target().byteLength).toBe(64 * KiB)
})

test('nothing is held back when nothing is known to come', () => {
  expect(arrive(new Gathering(64 * KiB), 1, 0)?.byteLength).toBe(1)
})

test('there is always room for a record', () => {
  const gathering = new Gathering(64 * KiB)
  for (let round = 0; round < 100; round++) {
    const bytes = arrive(gathering, 1 + ((round * 5003) % (16 * KiB)), Number.POSITIVE_INFINITY)
    if (bytes !== undefined) expect(bytes.byteLength).toBeGreaterThan(48 * KiB)
  }
})
