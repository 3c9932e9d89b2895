import { setImmediate as nextTurn } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import {
  PieceDigestSchema,
  type PieceDigestsRequest,
  type PieceDigestsResponse,
  PieceDigestsResponseSchema,
} from '@damselfly/api/swarm'
import { AsyncQueue, asTaskId, DfError, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { SchedulerLink } from '../announce/scheduler-pool.ts'
import { PieceAuthority } from './piece-authority.ts'

const digests = (value: number) => ({ crc32: value, blake3: new Uint8Array(32).fill(value) })
const piece = (number: number, value: number) => ({ number, digests: digests(value) })
const link = { address: 'scheduler:1' } as SchedulerLink
const never = new AbortController().signal

/** The scheduler's end of a stream in memory. */
class FakeStream {
  readonly requests: PieceDigestsRequest['request'][] = []
  readonly responses = new AsyncQueue<PieceDigestsResponse>(1000)
  isClosed = false
  isAborted = false

  send(message: PieceDigestsRequest): Promise<void> {
    this.requests.push(message.request)
    return Promise.resolve()
  }

  closeSend(): void {
    this.isClosed = true
  }

  abort(): void {
    this.isAborted = true
    this.responses.close()
  }

  /** The record messages so far: origin or held, and the numbers. */
  get records(): { from: 'origin' | 'held'; numbers: number[] }[] {
    return this.requests.flatMap(({ case: kind, value }) =>
      kind === 'record'
        ? [
            {
              from: value.fromOrigin ? 'origin' : 'held',
              numbers: value.pieces.map((p) => p.number),
            },
          ]
        : [],
    )
  }

  async tell(accepted: number, ...pieces: ReturnType<typeof piece>[]): Promise<void> {
    this.responses.push(
      create(PieceDigestsResponseSchema, {
        accepted: BigInt(accepted),
        pieces: pieces.map(({ number, digests }) =>
          create(PieceDigestSchema, { number, ...digests }),
        ),
      }),
    )
    await nextTurn()
  }
}

let clock: FakeClock
let streams: FakeStream[]
let authority: PieceAuthority
let contradictions: number[]

beforeEach(() => {
  clock = new FakeClock()
  streams = []
  contradictions = []
  authority = new PieceAuthority(
    { taskId: asTaskId('task'), hostId: 'host', pieceCount: 5000 },
    {
      clock,
      log: silentLog,
      openDigests: () => {
        const stream = new FakeStream()
        streams.push(stream)
        return stream
      },
    },
  )
  authority.onContradiction((number) => contradictions.push(number))
})

function connected(...held: { number: number; value: number; fromOrigin: boolean }[]): FakeStream {
  authority.connect(
    link,
    held.map(({ number, value, fromOrigin }) => ({ ...piece(number, value), fromOrigin })),
  )
  return streams.at(-1)!
}

describe('without an authority', () => {
  it('nobody waits', async () => {
    expect(await authority.expected(0, never)).toBeUndefined()
    expect(await authority.record([piece(0, 1)], true)).toBe('unheard')
    expect(await authority.expected(0, never)).toEqual(digests(1))
    expect(authority.isConnected).toBe(false)
    expect(clock.pending).toBe(0)
  })

  it('a scheduler that does not know the service is none', async () => {
    const stream = connected()
    const expected = authority.expected(0, never)
    const recorded = authority.record([piece(1, 1)], true)
    stream.responses.fail(new DfError('Unimplemented', 'unknown method'))
    expect(await expected).toBeUndefined()
    expect(await recorded).toBe('unheard')
    expect(authority.isConnected).toBe(false)
    expect(await authority.expected(0, never)).toBeUndefined()
    expect(clock.pending).toBe(0)
  })
})

describe('record', () => {
  it('says what it watches first, and one message for what comes together', async () => {
    const stream = connected()
    const all = Promise.all([
      authority.record([piece(0, 1)], true),
      authority.record([piece(1, 1), piece(2, 1)], true),
      authority.record([piece(3, 1)], false),
    ])
    await nextTurn()
    expect(stream.requests[0]).toMatchObject({
      case: 'watch',
      value: { taskId: 'task', hostId: 'host' },
    })
    expect(stream.records).toEqual([
      { from: 'origin', numbers: [0, 1, 2] },
      { from: 'held', numbers: [3] },
    ])
    await stream.tell(2)
    expect(await all).toEqual(['accepted', 'accepted', 'accepted'])
    expect(clock.pending).toBe(0)
  })

  it('is accepted when its own message is', async () => {
    const stream = connected()
    let first: string | undefined
    let second: string | undefined
    void authority.record([piece(0, 1)], true).then((outcome) => {
      first = outcome
    })
    await nextTurn()
    void authority.record([piece(1, 1)], true).then((outcome) => {
      second = outcome
    })
    await nextTurn()
    await stream.tell(1)
    expect([first, second]).toEqual(['accepted', undefined])
    await stream.tell(2)
    expect([first, second]).toEqual(['accepted', 'accepted'])
  })

  it('is unheard when the scheduler does not answer in time, or goes away', async () => {
    const stream = connected()
    const late = authority.record([piece(0, 1)], true)
    await clock.advance(2_000)
    expect(await late).toBe('unheard')
    const lost = authority.record([piece(1, 1)], true)
    stream.responses.fail(new DfError('SchedulerUnavailable', 'gone'))
    expect(await lost).toBe('unheard')
    expect(clock.pending).toBe(0)
  })

  it('gathers what comes while eight messages are on their way', async () => {
    const stream = connected()
    for (let n = 0; n < 20; n++) {
      void authority.record([piece(n, 1)], true)
      await nextTurn()
    }
    expect(stream.records).toHaveLength(8)
    await stream.tell(1)
    expect(stream.records.at(-1)).toEqual({
      from: 'origin',
      numbers: Array.from({ length: 12 }, (_, i) => 8 + i),
    })
    authority.close()
    await clock.advance(2_000)
  })

  it('cuts many pieces into messages, and counts as accepted with the last', async () => {
    const stream = connected()
    let outcome: string | undefined
    const many = Array.from({ length: 2500 }, (_, n) => piece(n, n % 256))
    void authority.record(many, true).then((o) => {
      outcome = o
    })
    await nextTurn()
    expect(stream.records.map(({ numbers }) => numbers.length)).toEqual([1024, 1024, 452])
    await stream.tell(2)
    expect(outcome).toBeUndefined()
    await stream.tell(3)
    expect(outcome).toBe('accepted')
  })

  it('is contradicted by what comes with its acceptance, not by what was on its way before', async () => {
    const stream = connected()
    const outcome = authority.record([piece(0, 1), piece(1, 1)], true)
    await nextTurn()
    await stream.tell(0, piece(0, 2))
    expect(contradictions).toEqual([])
    expect(await authority.expected(0, never)).toEqual(digests(1))
    await stream.tell(1, piece(1, 3))
    expect(await outcome).toBe('contradicted')
    expect(contradictions).toEqual([1])
    expect(await authority.expected(1, never)).toEqual(digests(3))
  })

  it('of held pieces is not sent when the scheduler said the same, and contradicted when not', async () => {
    const stream = connected()
    await stream.tell(0, piece(0, 1), piece(1, 1))
    expect(await authority.record([piece(0, 1)], false)).toBe('accepted')
    expect(await authority.record([piece(1, 2)], false)).toBe('contradicted')
    expect(contradictions).toEqual([1])
    expect(stream.records).toEqual([])
  })

  it('passes over pieces that the task does not have', async () => {
    const stream = connected()
    expect(await authority.record([piece(5000, 1)], true)).toBe('accepted')
    expect(stream.records).toEqual([])
  })
})

describe('expected', () => {
  it('is there at once when known, and otherwise as soon as the scheduler says it', async () => {
    const stream = connected()
    const waiting = [authority.expected(7, never), authority.expected(7, never)]
    await stream.tell(0, piece(7, 3))
    expect(await Promise.all(waiting)).toEqual([digests(3), digests(3)])
    expect(await authority.expected(7, never)).toEqual(digests(3))
    expect(clock.pending).toBe(0)
  })

  it('may be a CRC-32 only', async () => {
    const stream = connected()
    stream.responses.push(
      create(PieceDigestsResponseSchema, { pieces: [create(PieceDigestSchema, { crc32: 9 })] }),
    )
    expect(await authority.expected(0, never)).toEqual({ crc32: 9 })
  })

  it('is given up after a second', async () => {
    connected()
    const waiting = authority.expected(0, never)
    await clock.advance(999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(await waiting).toBeUndefined()
  })

  it('is not waited for any more after four that never came, until the scheduler says something', async () => {
    const stream = connected()
    const fruitless = Promise.all([0, 1, 2, 3].map((n) => authority.expected(n, never)))
    await clock.advance(1_000)
    await fruitless
    expect(await authority.expected(4, never)).toBeUndefined()
    await stream.tell(0, piece(9, 1))
    const waiting = authority.expected(4, never)
    await nextTurn()
    await stream.tell(0, piece(4, 1))
    expect(await waiting).toEqual(digests(1))
  })

  it('is not waited for any more after four waits that were cut short', async () => {
    connected()
    for (let n = 0; n < 4; n++) {
      const controller = new AbortController()
      const waiting = authority.expected(0, controller.signal)
      await clock.advance(300)
      controller.abort(new Error('too late'))
      await expect(waiting).rejects.toThrow('too late')
    }
    expect(await authority.expected(0, never)).toBeUndefined()
  })

  it('ends with the signal', async () => {
    connected()
    const controller = new AbortController()
    const waiting = authority.expected(0, controller.signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(authority.expected(0, controller.signal)).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })

  it('ends when the scheduler is lost, or the download is over', async () => {
    const stream = connected()
    const lost = authority.expected(0, never)
    stream.responses.close()
    expect(await lost).toBeUndefined()
    connected()
    const closed = authority.expected(0, never)
    authority.close()
    expect(await closed).toBeUndefined()
    connected()
    expect(authority.isConnected, 'closed for good').toBe(false)
  })

  it('is not taken from nonsense', async () => {
    const stream = connected()
    stream.responses.push(
      create(PieceDigestsResponseSchema, {
        accepted: 99n,
        pieces: [
          create(PieceDigestSchema, { number: 1, blake3: new Uint8Array(31) }),
          create(PieceDigestSchema, { number: 0xffff_ffff, crc32: 1 }),
          create(PieceDigestSchema, { number: 2 }),
        ],
      }),
    )
    await stream.tell(0, piece(3, 1))
    expect(await authority.expected(3, never)).toEqual(digests(1))
    const unknown = authority.expected(1, never)
    await clock.advance(1_000)
    expect(await unknown).toBeUndefined()
  })
})

describe('connect', () => {
  it('tells what is held, the origin’s apart, and each once', async () => {
    const stream = connected(
      { number: 0, value: 1, fromOrigin: false },
      { number: 1, value: 1, fromOrigin: true },
      { number: 2, value: 1, fromOrigin: false },
    )
    void authority.record([piece(2, 1)], false)
    await nextTurn()
    await stream.tell(1)
    await stream.tell(2)
    await stream.tell(3)
    const numbers = (from: string) =>
      stream.records.filter((r) => r.from === from).flatMap((r) => r.numbers)
    expect(numbers('held').sort()).toEqual([0, 2])
    expect(numbers('origin')).toEqual([1])
  })

  it('tells many bit by bit', async () => {
    const held = Array.from({ length: 3000 }, (_, number) => ({
      number,
      value: 1,
      fromOrigin: false,
    }))
    const stream = connected(...held)
    await nextTurn()
    expect(stream.records).toHaveLength(1)
    await stream.tell(1)
    await stream.tell(2)
    expect(stream.records.map(({ numbers }) => numbers.length)).toEqual([1024, 1024, 952])
  })

  it('finds what is held and is not what the swarm agreed on', async () => {
    const stream = connected({ number: 0, value: 1, fromOrigin: false })
    await nextTurn()
    await stream.tell(1, piece(0, 2))
    expect(contradictions).toEqual([0])
  })

  it('again tells the new scheduler what has been recorded, and ends the old stream', async () => {
    const first = connected()
    void authority.record([piece(0, 1)], true)
    void authority.record([piece(1, 1)], false)
    await nextTurn()
    await first.tell(2, piece(5, 5))
    const second = connected({ number: 1, value: 1, fromOrigin: false })
    expect(first.isClosed).toBe(true)
    await nextTurn()
    await second.tell(1)
    await second.tell(2)
    expect(second.records).toEqual([
      { from: 'origin', numbers: [0] },
      { from: 'held', numbers: [1] },
    ])
    expect(await authority.expected(5, never), 'what is known stays known').toEqual(digests(5))
    await clock.advance(2_000)
    expect(first.isAborted, 'it did not end by itself').toBe(true)
    authority.close()
    second.responses.close()
    await nextTurn()
    expect(clock.pending).toBe(0)
  })

  it('forgets nothing when the scheduler is lost: it is told again', async () => {
    const first = connected()
    const lost = authority.record([piece(0, 1)], true)
    await nextTurn()
    first.responses.fail(new DfError('SchedulerUnavailable', 'gone'))
    expect(await lost).toBe('unheard')
    await authority.record([piece(1, 1)], true)
    const second = connected()
    await nextTurn()
    expect(second.records).toEqual([{ from: 'origin', numbers: [0, 1] }])
  })
})
