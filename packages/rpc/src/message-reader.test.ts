import type { Http2Stream } from 'node:http2'
import { PassThrough } from 'node:stream'
import { create } from '@bufbuild/protobuf'
import { HealthCheckRequestSchema } from '@damselfly/api/health'
import { expect, test } from 'vitest'
import { frameOf } from './frame.ts'
import { MessageReader } from './message-reader.ts'

const message = (service: string) => frameOf(Schema, create(Schema, { service }))
const Schema = HealthCheckRequestSchema

function open(maxBytes = 1024 * 1024) {
  const stream = new PassThrough()
  const reader = new MessageReader(Schema, maxBytes)
  // Of an HTTP/2 stream it only uses what any readable has.
  reader.attach(stream as unknown as Http2Stream)
  stream.on('end', () => reader.end())
  return { stream, reader }
}

test('messages come in order, those that are waited for and those that wait, and then the end', async () => {
  const { stream, reader } = open()
  const first = reader.next()
  stream.write(message('a'))
  expect((await first).value?.service).toBe('a')
  stream.end(Buffer.concat([message('b'), message('c')]))
  const rest = await Array.fromAsync(reader)
  expect(rest.map(({ service }) => service)).toEqual(['b', 'c'])
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})

test('an error comes after the messages before it, a failure before those that wait', async () => {
  const ended = open()
  ended.stream.write(message('a'))
  ended.reader.end({ error: new Error('no status') })
  expect((await ended.reader.next()).value?.service).toBe('a')
  await expect(ended.reader.next()).rejects.toThrow('no status')

  const failed = open()
  const first = failed.reader.next()
  failed.stream.write(Buffer.concat([message('a'), message('b')]))
  await first
  failed.reader.fail(new Error('aborted'))
  await expect(failed.reader.next()).rejects.toThrow('aborted')
})

test('the stream rests while much is unread', async () => {
  const { stream, reader } = open()
  const first = reader.next()
  stream.write(Buffer.concat(Array.from({ length: 100 }, (_, n) => message(`${n}`))))
  await first
  expect(stream.isPaused()).toBe(true)
  for (let n = 1; n < 100; n++) expect((await reader.next()).value?.service).toBe(`${n}`)
  expect(stream.isPaused()).toBe(false)
})

test('bytes that are no message are the error of the call', async () => {
  const { stream, reader } = open()
  stream.write(Buffer.from([0, 0, 0, 0, 1, 0xff]))
  await expect(reader.next()).rejects.toThrow(
    'a message is not a grpc.health.v1.HealthCheckRequest',
  )
  await expect(reader.next()).rejects.toThrow('is not a')
})

test('who leaves the loop gets nothing more', async () => {
  const { stream, reader } = open()
  stream.write(Buffer.concat([message('a'), message('b')]))
  for await (const { service } of reader) {
    expect(service).toBe('a')
    break
  }
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})
