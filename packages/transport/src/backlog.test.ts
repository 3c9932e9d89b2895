import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backlog } from './backlog.ts'

test('bytes come out as they went in, whatever the order of adding and dropping', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 100 })), {
    maxLength: 200,
  })
  fc.assert(
    fc.property(steps, (script) => {
      const backlog = new Backlog()
      let added = 0
      let dropped = 0
      for (const [isAdd, count] of script) {
        if (isAdd) backlog.add(Uint8Array.from({ length: count }, () => added++ % 251))
        else {
          const drop = Math.min(count, backlog.size)
          for (const byte of backlog.bytes.subarray(0, drop)) expect(byte).toBe(dropped++ % 251)
          backlog.drop(drop)
        }
        expect(backlog.size).toBe(added - dropped)
      }
    }),
  )
})

test('what somebody works on stays as it is', () => {
  const backlog = new Backlog()
  backlog.add(new Uint8Array(100).fill(1))
  const lent = backlog.bytes.subarray(0, 60)
  backlog.drop(60)
  for (let i = 0; i < 10; i++) backlog.add(new Uint8Array(100).fill(2), true)
  expect(lent.every((byte) => byte === 1)).toBe(true)
  expect(backlog.size).toBe(1040)
  expect(backlog.bytes[39]).toBe(1)
  expect(backlog.bytes[40]).toBe(2)
  backlog.clear()
  expect(backlog.size).toBe(0)
})
