import { describe, expect, test } from 'vitest'
import { UploadSlots } from './upload-slots.ts'

/** Sends pieces in rounds over an uplink that all slots share. */
function send(slots: UploadSlots, uplink: number, pieces: number, declared = 100): number {
  const share = { concurrency: 4, uplink: declared, meanUplink: 100 }
  for (let piece = 0; piece < pieces; piece++) {
    // A child takes no more than its own downlink has for each of four pieces, and a bit.
    slots.sent(Math.min(28, uplink / slots.count(share)), share)
  }
  return slots.count(share)
}

describe('UploadSlots', () => {
  test.each([
    { uplink: 0, mean: 100, count: 3 },
    { uplink: 100, mean: 0, count: 3 },
    { uplink: 100, mean: 100, count: 3 },
    { uplink: 200, mean: 100, count: 6 },
    { uplink: 25, mean: 100, count: 1 },
    { uplink: 1, mean: 100, count: 1 },
    { uplink: 10_000, mean: 100, count: 16 },
  ])('are $count for a declared uplink of $uplink among a mean of $mean', (given) => {
    const { uplink, mean, count } = given
    expect(new UploadSlots().count({ concurrency: 3, uplink, meanUplink: mean })).toBe(count)
  })

  test('become few when the uplink carries much less than declared', () => {
    expect(send(new UploadSlots(), 25, 10)).toBe(1)
  })

  test('grow while every piece goes faster than its fair share', () => {
    expect(send(new UploadSlots(), 200, 200)).toBeGreaterThanOrEqual(7)
  })

  test('stay where they are when the declaration is right', () => {
    const slots = new UploadSlots()
    for (let round = 0; round < 50; round++) {
      expect(Math.abs(send(slots, 100, 10) - 4)).toBeLessThanOrEqual(1)
    }
  })

  test('stay as they are declared while nothing is known of the others', () => {
    const slots = new UploadSlots()
    const share = { concurrency: 4, uplink: 100, meanUplink: 0 }
    for (let piece = 0; piece < 50; piece++) slots.sent(1, share)
    expect(slots.count(share)).toBe(4)
  })
})
