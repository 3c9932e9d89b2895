import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bitset } from './bitset.ts'

const bits = fc.array(fc.boolean(), { maxLength: 200 })

function bitsetOf(wanted: readonly boolean[]): Bitset {
  const set = new Bitset(wanted.length)
  for (const [i, bit] of wanted.entries()) if (bit) set.set(i)
  return set
}

const indexesOf = (wanted: readonly boolean[], value: boolean): number[] =>
  wanted.flatMap((bit, i) => (bit === value ? [i] : []))

describe('Bitset', () => {
  it('holds, counts and iterates what was set', () => {
    fc.assert(
      fc.property(bits, (wanted) => {
        const set = bitsetOf(wanted)
        expect(wanted.map((_, i) => set.get(i))).toEqual(wanted)
        expect([...set.setBits()]).toEqual(indexesOf(wanted, true))
        expect([...set.unsetBits()]).toEqual(indexesOf(wanted, false))
        expect(set.count).toBe(indexesOf(wanted, true).length)
        expect(set.isFull).toBe(!wanted.includes(false))
      }),
    )
  })

  it('finds the first set and the first unset bit from anywhere', () => {
    fc.assert(
      fc.property(bits, fc.nat(220), (wanted, from) => {
        const set = bitsetOf(wanted)
        expect(set.firstUnset(from)).toBe(indexesOf(wanted, false).find((i) => i >= from))
        expect(set.firstSet(from)).toBe(indexesOf(wanted, true).find((i) => i >= from))
      }),
    )
  })

  it('knows whether a span is complete', () => {
    fc.assert(
      fc.property(bits, fc.nat(200), fc.nat(200), (wanted, a, b) => {
        const first = Math.min(a, wanted.length)
        const end = Math.min(b, wanted.length)
        const expected = wanted.slice(first, end).every(Boolean)
        expect(bitsetOf(wanted).containsAll(first, end)).toBe(expected)
      }),
    )
  })

  it('survives the way through bytes', () => {
    fc.assert(
      fc.property(bits, (wanted) => {
        const set = bitsetOf(wanted)
        const back = Bitset.fromBytes(set.toBytes(), wanted.length)
        expect([...back.setBits()]).toEqual([...set.setBits()])
        expect(back.count).toBe(set.count)
      }),
    )
  })

  it('puts bit 0 into the lowest bit of the first byte', () => {
    const set = new Bitset(41)
    for (const i of [0, 9, 31, 32, 40]) set.set(i)
    expect([...set.toBytes()]).toEqual([1, 2, 0, 0x80, 1, 1])
  })

  it('says whether setting and clearing changed anything', () => {
    const set = new Bitset(32)
    expect([set.set(31), set.set(31), set.count]).toEqual([true, false, 1])
    expect([set.clear(31), set.clear(31), set.count]).toEqual([true, false, 0])
  })

  it('lets bits be set while it is iterated', () => {
    const set = new Bitset(70)
    for (const i of set.unsetBits()) set.set(i)
    expect(set.isFull).toBe(true)
  })

  it('clones into something independent', () => {
    const set = bitsetOf([true, false])
    const copy = set.clone()
    copy.set(1)
    expect([set.count, copy.count, copy.get(0)]).toEqual([1, 2, true])
  })

  it('is full when it has no bits', () => {
    const empty = new Bitset(0)
    expect([empty.isFull, empty.firstUnset(), empty.toBytes().length]).toEqual([true, undefined, 0])
    expect(empty.containsAll(0, 0)).toBe(true)
    expect(Bitset.fromBytes(new Uint8Array(0), 0).size).toBe(0)
  })

  it.each([-1, 8, 1.5, Number.NaN])('refuses bit %d of 8', (index) => {
    const set = new Bitset(8)
    expect(() => set.get(index)).toThrow('outside a bitset of 8 bits')
    expect(() => set.set(index)).toThrow('outside a bitset of 8 bits')
    expect(() => set.clear(index)).toThrow('outside a bitset of 8 bits')
  })

  it('refuses a span beyond its end', () => {
    expect(() => new Bitset(8).containsAll(0, 9)).toThrow('outside a bitset of 8 bits')
  })

  it.each([-1, 0.5, Number.NaN])('refuses a size of %d', (size) => {
    expect(() => new Bitset(size)).toThrow('cannot have')
  })

  it('refuses bytes of the wrong length and bits beyond the last', () => {
    expect(() => Bitset.fromBytes(new Uint8Array(2), 8)).toThrow('8 bits take 1 bytes')
    expect(() => Bitset.fromBytes(new Uint8Array(1), 9)).toThrow('9 bits take 2 bytes')
    expect(() => Bitset.fromBytes(Uint8Array.of(0, 2), 9)).toThrow('beyond the 9')
    expect(Bitset.fromBytes(Uint8Array.of(0, 1), 9).get(8)).toBe(true)
  })
})
