import { describe, expect, test } from 'vitest'
import { Pace } from './pace.ts'

const piece = { bytes: 1_000, fullBytes: 1_000 }

describe('Pace', () => {
  test('knows the usual time of a piece after a few, and does not mind one straggler', () => {
    const pace = new Pace()
    pace.forget(0)
    for (let n = 0; n < 2; n++) pace.observe(0, true, { ...piece, ms: 100 })
    expect(pace.usualMs(true)).toBeUndefined()
    for (let n = 0; n < 20; n++) pace.observe(0, true, { ...piece, ms: n === 9 ? 10_000 : 100 })
    expect(pace.usualMs(true)).toBeGreaterThan(80)
    expect(pace.usualMs(true)).toBeLessThan(125)
    expect(pace.usualMs(false)).toBeUndefined()
  })

  test('follows when everything becomes slower', () => {
    const pace = new Pace()
    for (let n = 0; n < 10; n++) pace.observe(0, true, { ...piece, ms: 100 })
    for (let n = 0; n < 50; n++) pace.observe(0, true, { ...piece, ms: 800 })
    expect(pace.usualMs(true)).toBeGreaterThan(700)
  })

  test('calls slow who is slow among its own kind', () => {
    const pace = new Pace()
    for (let n = 0; n < 10; n++) {
      pace.observe(0, true, { ...piece, ms: 100 })
      pace.observe(1, true, { ...piece, ms: 1_000 })
      pace.observe(2, false, { ...piece, ms: 1_000 })
    }
    expect(pace.isSlow(0, true, 1_000)).toBe(false)
    expect(pace.isSlow(1, true, 1_000)).toBe(true)
    expect(pace.isSlow(2, false, 1_000)).toBe(false)
    pace.forget(1)
    expect(pace.isSlow(1, true, 1_000)).toBe(false)
  })

  test('judges short last pieces by their rate', () => {
    const pace = new Pace()
    for (let n = 0; n < 5; n++) pace.observe(0, true, { ...piece, ms: 100 })
    for (let n = 0; n < 5; n++) pace.observe(1, true, { bytes: 10, fullBytes: 1_000, ms: 1 })
    expect(pace.usualMs(true)).toBeCloseTo(100, -2)
    expect(pace.isSlow(1, true, 1_000)).toBe(false)
    expect(pace.rateOf(0)).toBeCloseTo(10_000)
  })
})
