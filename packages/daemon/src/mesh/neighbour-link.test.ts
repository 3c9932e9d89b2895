import { create } from '@bufbuild/protobuf'
import { type ExchangeMessage, ExchangeMessageSchema } from '@damselfly/api/peer'
import { AsyncQueue, type DfError } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, test } from 'vitest'
import { NeighbourLink } from './neighbour-link.ts'
import type { WireMessage } from './wire.ts'

const message = (content: WireMessage): ExchangeMessage => create(ExchangeMessageSchema, content)
const hello = message({ message: { case: 'hello', value: { taskId: 't' } } })
const interested = message({ message: { case: 'interested', value: {} } })

function linkOf(handlers: { onMessage?: () => void } = {}) {
  const clock = new FakeClock()
  const heard: string[] = []
  const ends: (DfError | undefined)[] = []
  const link = new NeighbourLink(clock, {
    onHello: () => heard.push('hello'),
    onMessage: ({ case: kind }) => {
      heard.push(kind ?? '')
      handlers.onMessage?.()
    },
    onEnd: (error) => ends.push(error),
  })
  const incoming = new AsyncQueue<ExchangeMessage>(100_000)
  return { clock, link, heard, ends, incoming }
}

/** The numbers of all `have` messages that have gone out, each message by itself. */
async function told(link: NeighbourLink): Promise<number[][]> {
  link.end()
  const said: number[][] = []
  for await (const { message: content } of link.outbox) {
    if (content.case === 'have') said.push(content.value.numbers)
  }
  return said
}

describe('a link to a neighbour', () => {
  test('passes on what comes after hello, and ends with the stream', async () => {
    const { link, heard, ends, incoming } = linkOf()
    for (const one of [hello, interested, interested]) incoming.push(one)
    incoming.close()
    await link.read(incoming)
    expect(heard).toEqual(['hello', 'interested', 'interested'])
    expect(ends).toEqual([undefined])
    expect(link.signal.aborted).toBe(true)
  })

  test('ends when something else comes first', async () => {
    const { link, ends, incoming } = linkOf()
    incoming.push(interested)
    await link.read(incoming)
    expect(ends[0]).toMatchObject({ code: 'PeerProtocol' })
  })

  test('does not wait for hello for ever', async () => {
    const { clock, link, ends, incoming } = linkOf()
    const reading = link.read(incoming)
    await clock.advance(3_000)
    expect(ends[0]).toMatchObject({ code: 'PeerUnavailable' })
    incoming.close()
    await reading
    expect(ends).toHaveLength(1)
  })

  test('ends when a message cannot be meant so', async () => {
    const { link, ends, incoming } = linkOf({
      onMessage: () => {
        throw new Error('no')
      },
    })
    incoming.push(hello)
    incoming.push(interested)
    await link.read(incoming)
    expect(ends[0]).toMatchObject({ message: 'no' })
  })

  test('ends when the neighbour says too much', async () => {
    const { link, ends, incoming } = linkOf()
    incoming.push(hello)
    for (let n = 0; n < 20_001; n++) incoming.push(interested)
    await link.read(incoming)
    expect(ends[0]).toMatchObject({ code: 'PeerProtocol' })
  })

  test('tells a piece at once, and those that follow soon together', async () => {
    const { clock, link } = linkOf()
    link.say({ kind: 'have', pieces: [1] })
    link.say({ kind: 'have', pieces: [2] })
    link.say({ kind: 'have', pieces: [3] })
    await clock.advance(10)
    link.say({ kind: 'have', pieces: [4] })
    expect(await told(link)).toEqual([[1], [2, 3], [4]])
  })

  test('tells of pieces before it says anything else, so that the order is kept', async () => {
    const { link } = linkOf()
    link.say({ kind: 'have', pieces: [1] })
    link.say({ kind: 'have', pieces: [2] })
    link.say({ kind: 'lost', pieces: [2] })
    link.end()
    const kinds: (string | undefined)[] = []
    for await (const { message: content } of link.outbox) kinds.push(content.case)
    expect(kinds).toEqual(['have', 'have', 'lost'])
  })

  test('ends when the neighbour reads nothing', () => {
    const { link, ends } = linkOf()
    for (let n = 0; n < 5_000; n++) link.say({ kind: 'interested' })
    expect(ends).toHaveLength(1)
    expect(ends[0]).toMatchObject({ code: 'PeerUnavailable' })
  })
})
