import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReceiveRing } from './receive-ring.ts'

test('the first target is the whole buffer, the next one what is left of it', () => {
  const ring = new ReceiveRing(new Uint8Array(100))
  expect(ring.target().byteLength).toBe(100)
  ring.filled(30)
  expect(ring.target().byteLength).toBe(70)
  expect(ring.peek().byteLength).toBe(30)
})

test('an empty ring starts again at the front', () => {
  const ring = new ReceiveRing(new Uint8Array(100))
  ring.target()
  ring.filled(60)
  ring.skip(60)
  expect(ring.target().byteLength).toBe(100)
})

test('little is not lent, unless it cannot grow', () => {
  const ring = new ReceiveRing(new Uint8Array(100))
  ring.target()
  ring.filled(20)
  expect(ring.lend(25)).toBeUndefined()
  ring.skip(15)
  ring.target()
  ring.filled(80)
  expect(ring.lend(85)?.byteLength).toBe(85)
  ring.target()
  ring.filled(15)
  ring.consumed()
  expect(ring.lend(16)).toBeUndefined()
  expect(ring.lend(15)?.byteLength).toBe(15)
})

test('a full ring offers what is lent, to be filled after it was consumed', () => {
  const ring = new ReceiveRing(new Uint8Array(100))
  ring.target()
  ring.filled(60)
  const lent = ring.lend(1)
  ring.target()
  ring.filled(40)
  expect(ring.isFull).toBe(true)
  const target = ring.target()
  expect([target.byteOffset, target.byteLength]).toEqual([0, 60])
  expect(target.byteLength).toBe(lent?.byteLength)
})

/** Plays socket and sink as the reception does: the next target is fixed right after a fill. */
test('whatever the sizes of reads and the pace of the sink, bytes come out as they went in', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('read' as const), wanted: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('lend' as const), min: fc.integer({ min: 1, max: 20 }) }),
      fc.constant({ kind: 'consume' as const }),
    ),
    { maxLength: 300 },
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), steps, (capacity, script) => {
      const ring = new ReceiveRing(new Uint8Array(capacity))
      let target = ring.target()
      let lent: Uint8Array | undefined
      let isPaused = false
      let sent = 0
      let got = 0
      const check = (chunk: Uint8Array): void => {
        for (const byte of chunk) expect(byte).toBe(got++ % 251)
      }
      for (const step of script) {
        if (step.kind === 'read' && !isPaused) {
          const count = Math.min(step.wanted, target.byteLength)
          for (let i = 0; i < count; i++) target[i] = sent++ % 251
          ring.filled(count)
          lent ??= ring.lend(ring.isFull ? 1 : step.wanted)
          isPaused = ring.isFull
          target = ring.target()
          expect(target.byteLength).toBeGreaterThan(0)
        } else if (step.kind === 'lend') {
          lent ??= ring.lend(step.min)
        } else if (step.kind === 'consume' && lent !== undefined) {
          check(lent)
          ring.consumed()
          isPaused = false
          lent = undefined
        }
        expect(ring.size).toBe(sent - got)
      }
    }),
    { numRuns: 500 },
  )
})
