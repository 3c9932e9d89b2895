import { isDfError } from '@damselfly/core'
import { expect, test } from 'vitest'
import { encodeError, encodeRequest } from './codec.ts'
import { RequestReader } from './request-reader.ts'

const taskId = '0123456789abcdef'.repeat(4)
const frame = encodeRequest({ family: 'persistent', taskId, number: 9, packetId: 3 })
const asked = { family: 'persistent', taskId, number: 9 }

test('a request is read in one chunk or byte by byte', () => {
  expect(new RequestReader().push(frame)).toEqual(asked)
  const reader = new RequestReader()
  const results = [...frame].map((byte) => reader.push(Uint8Array.of(byte)))
  expect(results.slice(0, -1).every((r) => r === undefined)).toBe(true)
  expect(results.at(-1)).toEqual(asked)
})

test('a wrong frame is noticed as soon as its header is there', () => {
  const failureOf = (bytes: Uint8Array): unknown => {
    try {
      return new RequestReader().push(bytes)
    } catch (error) {
      return isDfError(error, 'PeerProtocol') ? error.message : error
    }
  }
  expect(failureOf(Uint8Array.of(0, 100, 0, 0, 0, 68))).toContain('tag 100 is reserved')
  expect(failureOf(encodeError(1, '', 0))).toContain('type error instead of a request')
  expect(failureOf(new Uint8Array(75))).toContain('more than one request')
})
