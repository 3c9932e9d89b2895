import { randomInt, seededRandom } from '@damselfly/core'
import { expect, test } from 'vitest'
import { FrameSplitter } from './frame-splitter.ts'

function frame(body: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flags
  prefix.writeUInt32BE(body.byteLength, 1)
  return Buffer.concat([prefix, body])
}

function collect(maxBytes = 1000) {
  const messages: Uint8Array[] = []
  return { messages, splitter: new FrameSplitter(maxBytes, (bytes) => messages.push(bytes)) }
}

test('finds the same messages however the bytes are cut', () => {
  const random = seededRandom(1)
  for (let round = 0; round < 100; round++) {
    const bodies = Array.from({ length: randomInt(random, 6) }, () =>
      Buffer.alloc(randomInt(random, 40), randomInt(random, 256)),
    )
    const bytes = Buffer.concat(bodies.map((body) => frame(body)))
    const { messages, splitter } = collect()
    for (let at = 0; at < bytes.byteLength; ) {
      const end = at + randomInt(random, 20)
      splitter.push(bytes.subarray(at, end))
      at = end
    }
    expect(
      messages.map((one) => Buffer.from(one)),
      `round ${round}`,
    ).toEqual(bodies)
    expect(splitter.isInside, `round ${round}`).toBe(false)
  }
})

test('knows when the bytes end in a message', () => {
  const { messages, splitter } = collect()
  const bytes = frame(Buffer.from('abc'))
  splitter.push(bytes.subarray(0, 2))
  expect(splitter.isInside).toBe(true)
  splitter.push(bytes.subarray(2, 5))
  expect(splitter.isInside).toBe(true)
  splitter.push(bytes.subarray(5))
  expect(splitter.isInside).toBe(false)
  expect(messages).toHaveLength(1)
})

test('a message keeps nothing of the chunk it came in', () => {
  const { messages, splitter } = collect()
  splitter.push(Buffer.concat([frame(Buffer.from('abc')), frame(Buffer.from('d'))]))
  expect(messages.map(({ buffer }) => buffer.byteLength)).toEqual([3, 1])
})

test('refuses what is too long before it comes, and what is compressed', () => {
  expect(() => collect(2).splitter.push(frame(Buffer.from('abc')).subarray(0, 5))).toThrow(
    'a message of 3 bytes is longer than 2',
  )
  expect(() => collect().splitter.push(frame(Buffer.from('abc'), 1))).toThrow('compressed')
})
