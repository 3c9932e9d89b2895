import { isDfError } from '@damselfly/core'
import { expect, test } from 'vitest'
import { encodeError, encodeRequest } from './codec.ts'
import { RequestReader } from './request-reader.ts'

const taskId = '0123456789abcdef'.repeat(4)
const asked = { family: 'persistent', taskId, number: 9 } as const
const frame = encodeRequest({ ...asked, packetId: 3 })
const kept = { isPackedWelcome: true, isBackground: false }
const keptFrame = (number: number) => encodeRequest({ ...asked, number, packetId: 3, kept })

function failureOf(...chunks: Uint8Array[]): unknown {
  const reader = new RequestReader()
  try {
    for (const chunk of chunks) {
      reader.push(chunk)
      reader.next()
    }
  } catch (error) {
    return isDfError(error, 'PeerProtocol') ? error.message : error
  }
  return 'no error'
}

test('a request is read in one chunk or byte by byte', () => {
  const reader = new RequestReader()
  reader.push(frame)
  expect(reader.next()).toEqual(asked)
  expect(reader.next()).toBeUndefined()
  const slow = new RequestReader()
  const results = [...frame].map((byte) => {
    slow.push(Uint8Array.of(byte))
    return slow.next()
  })
  expect(results.slice(0, -1).every((r) => r === undefined)).toBe(true)
  expect(results.at(-1)).toEqual(asked)
})

test('kept requests follow each other, however they are cut', () => {
  const bytes = Buffer.concat([1, 2, 3].map(keptFrame))
  for (const size of [1, 7, 75, 80, 1000]) {
    const reader = new RequestReader()
    const numbers: number[] = []
    for (let at = 0; at < bytes.byteLength; at += size) {
      reader.push(bytes.subarray(at, at + size))
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        expect(next).toEqual({ ...asked, number: next.number, kept })
        numbers.push(next.number)
      }
    }
    expect(numbers).toEqual([1, 2, 3])
    expect(reader.size).toBe(0)
  }
})

test('a wrong frame is noticed as soon as its header is there', () => {
  expect(failureOf(Uint8Array.of(0, 100, 0, 0, 0, 68))).toContain('tag 100 is reserved')
  expect(failureOf(encodeError(1, '', 0))).toContain('type error instead of a request')
  expect(failureOf(Buffer.concat([frame, Uint8Array.of(0)]))).toContain('more than one request')
  expect(failureOf(frame, Uint8Array.of(0))).toContain('more than one request')
  expect(failureOf(frame, keptFrame(1))).toContain('more than one request')
  expect(failureOf(keptFrame(1), Uint8Array.of(0, 1, 0, 0, 1, 0))).toContain('type content')
})
