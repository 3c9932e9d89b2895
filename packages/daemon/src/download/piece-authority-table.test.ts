import { expect, test } from 'vitest'
import { AuthorityTable } from './piece-authority-table.ts'

const digests = (value: number) => ({ crc32: value, blake3: new Uint8Array(32).fill(value) })

test('what the scheduler says is known', () => {
  const table = new AuthorityTable(4)
  expect(table.get(3)).toBeUndefined()
  expect(table.told(3, { crc32: 0xffff_ffff })).toBe(false)
  expect(table.get(3)).toEqual({ crc32: 0xffff_ffff })
  table.told(3, { blake3: digests(1).blake3 })
  expect(table.get(3)).toEqual({ crc32: 0xffff_ffff, blake3: digests(1).blake3 })
})

test('what is held gives way to the scheduler, whoever was first', () => {
  const table = new AuthorityTable(4)
  expect(table.own(0, digests(1), false)).toBe('untold')
  table.accepted(0)
  expect(table.told(0, digests(2)), 'here and something else').toBe(true)
  expect(table.told(0, digests(3)), 'no longer').toBe(false)
  expect(table.get(0)).toEqual(digests(3))
  expect(table.isOwn(0)).toBe(false)
  table.told(1, digests(1))
  expect(table.own(1, digests(2), false)).toBe('contradiction')
  expect(table.get(1)).toEqual(digests(1))
  expect(table.own(1, digests(1), false)).toBe('told')
  expect(table.told(2, { crc32: 5 })).toBe(false)
  expect(table.own(2, digests(6), false), 'the CRC-32 alone contradicts').toBe('contradiction')
  expect(table.own(2, { ...digests(6), crc32: 5 }, false), 'it has no BLAKE3').toBe('untold')
})

test('what came from the origin is not judged by what the scheduler said before it heard of it', () => {
  const table = new AuthorityTable(4)
  table.told(0, digests(1))
  expect(table.own(0, digests(2), true)).toBe('untold')
  expect(table.told(0, digests(1)), 'on its way already').toBe(false)
  expect(table.get(0)).toEqual(digests(2))
  table.accepted(0)
  expect(table.told(0, digests(1)), 'the swarm had it first').toBe(true)
  expect(table.get(0)).toEqual(digests(1))
})

test('another scheduler is told of all that is here, and not of what it said', () => {
  const table = new AuthorityTable(1000)
  table.own(999, digests(1), true)
  table.own(5, digests(2), false)
  table.told(7, digests(3))
  table.accepted(999)
  expect(table.wasSent(5)).toBe(true)
  table.forgetTold()
  expect(table.wasSent(5)).toBe(false)
  expect([...table.owned()]).toEqual([
    { number: 5, digests: digests(2), fromOrigin: false },
    { number: 999, digests: digests(1), fromOrigin: true },
  ])
  expect(table.told(999, digests(9)), 'it has not heard of it').toBe(false)
  expect(table.get(999)).toEqual(digests(1))
})

test('a piece that came again counts as it is now', () => {
  const table = new AuthorityTable(4)
  table.own(0, digests(1), false)
  expect(table.own(0, digests(2), false)).toBe('untold')
  expect(table.get(0)).toEqual(digests(2))
})

test.each([-1, 4, 1.5, 0xffff_ffff, Number.NaN])('there is no piece %s', (number) => {
  expect(new AuthorityTable(4).fits(number)).toBe(false)
})
