import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  PieceDigestSchema,
  type PieceDigestsRequest,
  PieceDigestsRequestSchema,
  type PieceDigestsResponse,
  type PieceDigest as WireDigest,
} from '@damselfly/api/swarm'
import { type Log, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { type BidiStream, openBidi } from '@damselfly/rpc'
import { expect, test } from 'vitest'
import { AnnouncedPeer, type Clients, connect, host, piece, start } from './scheduler-fixture.ts'

const strong = (value: number) => new Uint8Array(32).fill(value)
const digest = (number: number, value: number) => ({ number, blake3: strong(value), crc32: value })

/** One PieceDigests stream. */
class Watcher {
  readonly stream: BidiStream<PieceDigestsRequest, PieceDigestsResponse>
  readonly #responses: AsyncIterator<PieceDigestsResponse>

  constructor(clients: Clients, hostId: string, taskId = 'task') {
    this.stream = openBidi(clients.swarm.pieceDigests)
    this.#responses = this.stream.responses[Symbol.asyncIterator]()
    void this.#send({ case: 'watch', value: { taskId, hostId } }).catch(() => {})
  }

  record(fromOrigin: boolean, ...pieces: Partial<Omit<WireDigest, '$typeName'>>[]): Promise<void> {
    const value = { pieces: pieces.map((p) => create(PieceDigestSchema, p)), fromOrigin }
    return this.#send({ case: 'record', value })
  }

  /** The next message; `undefined` when the stream has ended well. */
  async next(): Promise<PieceDigestsResponse | undefined> {
    const { done, value } = await this.#responses.next()
    return done === true ? undefined : value
  }

  /** Reads until so many pieces have been told. */
  async pieces(count: number): Promise<WireDigest[]> {
    const pieces: WireDigest[] = []
    while (pieces.length < count) pieces.push(...((await this.next())?.pieces ?? []))
    return pieces
  }

  /** Reads until so many records have been accepted. */
  async accepted(count: bigint): Promise<WireDigest[]> {
    for (const pieces: WireDigest[] = []; ; ) {
      const message = await this.next()
      pieces.push(...(message?.pieces ?? []))
      if ((message?.accepted ?? count) >= count) return pieces
    }
  }

  #send(request: RequestCase): Promise<void> {
    return this.stream.send(create(PieceDigestsRequestSchema, { request }))
  }
}

type RequestCase = NonNullable<MessageInitShape<typeof PieceDigestsRequestSchema>['request']>

/** A log that keeps its warnings. */
function listeningLog() {
  const warnings: { data: object; message: string | undefined }[] = []
  const log: Log = {
    ...silentLog,
    warn: (data: object | string, message?: string) =>
      warnings.push({ data: typeof data === 'string' ? {} : data, message }),
    child: () => log,
  }
  return { log, warnings }
}

test('what one records the others are told, and the recorder that it counts', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  const b = new Watcher(clients, 'b')
  await a.record(true, digest(0, 7), digest(1, 8))
  expect(await a.accepted(1n), 'its own are not echoed').toEqual([])
  expect(await b.pieces(2)).toMatchObject([digest(0, 7), digest(1, 8)])
  await b.record(false, { number: 2, blake3: strong(9) })
  expect(await a.pieces(1)).toMatchObject([{ number: 2, blake3: strong(9) }])
  const late = new Watcher(clients, 'c')
  expect((await late.pieces(3)).map(({ number }) => number)).toEqual([0, 1, 2])
})

test('a stream ends when its caller ends it, after all has been said', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(0, 7))
  a.stream.closeSend()
  expect(await a.next()).toMatchObject({ accepted: 1n })
  expect(await a.next()).toBeUndefined()
  await expect.poll(() => scheduler.core.state.digests.byCall.size).toBe(0)
})

test('who contradicts the origin hears what stands, and it is counted and logged', async () => {
  const { log, warnings } = listeningLog()
  await using scheduler = await start({}, { log })
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(0, 7))
  await a.accepted(1n)
  const b = new Watcher(clients, 'b')
  await b.pieces(1)
  await b.record(true, digest(0, 8), digest(1, 1))
  await b.record(false, digest(0, 9))
  expect((await b.accepted(2n)).map(({ blake3 }) => blake3[0])).toContain(7)
  expect(await scheduler.metrics.metrics()).toMatch(
    /^dragonfly_scheduler_piece_digest_contradictions_total\{said="origin"\} 1$/m,
  )
  const said = warnings.filter(({ message }) => message?.includes('contradicts'))
  expect(said).toEqual([
    {
      message: 'a host contradicts the digests of a task',
      data: { taskId: 'task', hostId: 'b', fromOrigin: true, pieces: [0], count: 1 },
    },
  ])
})

test('what was held gives way to the origin, and its holder is told', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  await a.record(false, digest(0, 7))
  await a.accepted(1n)
  const b = new Watcher(clients, 'b')
  await b.record(true, digest(0, 8))
  expect(await a.pieces(1)).toMatchObject([digest(0, 8)])
})

test('a piece that one of Dragonfly’s peers took from the origin is known by its CRC-32', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('rust'))
  const a = new Watcher(clients, 'a')
  const rust = new AnnouncedPeer(clients, 'rust/1')
  await rust.register()
  await rust.answer()
  await rust.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  await rust.say({
    case: 'downloadPieceBackToSourceFinishedRequest',
    value: { piece: piece(1) },
  })
  const [told] = await a.pieces(1)
  expect(told).toMatchObject({ number: 1, crc32: 123 })
  expect(told?.blake3).toHaveLength(0)
})

test.each([
  ['a digest that is not 32 bytes', { number: 0, blake3: new Uint8Array(20) }],
  ['a piece without a digest', { number: 0 }],
  ['a number that no task has', { number: 0xffff_ffff, crc32: 1 }],
])('%s is refused, and nobody is told', async (_, nonsense) => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(1, 1), nonsense)
  await expect(a.accepted(1n)).rejects.toMatchObject({ code: 'InvalidArgument' })
  expect(scheduler.core.state.digests.pieces).toBe(0)
  await expect.poll(() => scheduler.core.state.digests.byCall.size).toBe(0)
})

test('a record before the watch, a second watch and a watch of nothing are refused', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const refusal = async (...cases: ('watch' | 'record' | 'nothing')[]) => {
    const stream = openBidi(clients.swarm.pieceDigests)
    const requests = {
      watch: { case: 'watch', value: { taskId: 'task', hostId: 'a' } },
      record: { case: 'record', value: { pieces: [], fromOrigin: true } },
      nothing: { case: 'watch', value: { taskId: '', hostId: 'a' } },
    } as const
    for (const name of cases) {
      void stream.send(create(PieceDigestsRequestSchema, { request: requests[name] as never }))
    }
    return await Array.fromAsync(stream.responses).catch((error: unknown) => error)
  }
  expect(await refusal('record')).toMatchObject({ code: 'InvalidArgument' })
  expect(await refusal('watch', 'watch')).toMatchObject({ code: 'InvalidArgument' })
  expect(await refusal('nothing')).toMatchObject({ code: 'InvalidArgument' })
})

test('a late watcher gets many pieces in several messages, one that does not read costs nothing', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const idle = new Watcher(clients, 'idle')
  const a = new Watcher(clients, 'a')
  const count = 5000
  for (let n = 0; n < count; n += 500) {
    await a.record(true, ...Array.from({ length: 500 }, (_, i) => digest(n + i, i % 256)))
  }
  await a.accepted(10n)
  const late = new Watcher(clients, 'late')
  const first = await late.next()
  expect(first?.pieces).toHaveLength(1024)
  const rest = await late.pieces(count - 1024)
  const numbers = [...(first?.pieces ?? []), ...rest].map(({ number }) => number)
  expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n))
  expect(await idle.pieces(count)).toHaveLength(count)
})

test('when the content changes, those who watch the old one are told so', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const ask = async (etag: string, stale?: string) => {
    const facts = (tag: string) => ({ contentLength: 8n, responseHeader: { etag: tag } })
    const call = openBidi(clients.swarm.resolveTask)
    const value = { taskId: 'task', hostId: 'a', ...(stale ? { stale: facts(stale) } : {}) }
    await call.send({ request: { case: 'ask', value } } as never)
    const responses = call.responses[Symbol.asyncIterator]()
    await responses.next()
    await call.send({ request: { case: 'found', value: facts(etag) } } as never)
    await responses.next()
  }
  await ask('"1"')
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(0, 7))
  await a.accepted(1n)
  await ask('"2"', '"1"')
  await expect(a.next()).rejects.toMatchObject({ code: 'SourceChanged' })
  const b = new Watcher(clients, 'b')
  await b.record(true, digest(0, 8))
  expect(await b.accepted(1n), 'the old digest is gone').toEqual([])
})

test('metrics say how much is known and who watches', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(0, 7), digest(1, 7))
  await a.accepted(1n)
  const text = await scheduler.metrics.metrics()
  expect(text).toMatch(/^dragonfly_scheduler_piece_digests 2$/m)
  expect(text).toMatch(/^dragonfly_scheduler_piece_digest_watchers 1$/m)
  expect(text).toMatch(/^dragonfly_scheduler_piece_digest_bytes [1-9]\d*$/m)
  expect(text, 'no decision').not.toMatch(/decisions_total\{result="digests/)
})

test('with many watchers news is gathered for a moment, and what is accepted is said at once', async () => {
  const clock = new FakeClock()
  await using scheduler = await start({}, { clock })
  using clients = connect(scheduler)
  const watchers = Array.from({ length: 50 }, (_, i) => new Watcher(clients, `w${i}`))
  await expect.poll(() => scheduler.core.state.digests.byCall.size).toBe(50)
  const a = new Watcher(clients, 'a')
  await a.record(true, digest(0, 1))
  await a.accepted(1n)
  for (const watcher of watchers) expect(await watcher.pieces(1)).toMatchObject([digest(0, 1)])
  const told: number[] = []
  const reading = watchers.map(async (watcher) => {
    told.push((await watcher.next())?.pieces.length ?? 0)
  })
  for (const n of [1, 2, 3]) {
    await a.record(true, digest(n, 1))
    await a.accepted(BigInt(n + 1))
  }
  expect(told).toEqual([])
  await clock.advance(20)
  await Promise.all(reading)
  expect(told).toEqual(watchers.map(() => 3))
  const holder = watchers[0]
  await holder?.record(false, digest(4, 1))
  await holder?.accepted(1n)
  const corrected = Promise.all(watchers.map((watcher) => watcher.pieces(1)))
  await a.record(true, digest(4, 2))
  expect(
    (await corrected).map(([first]) => first?.number),
    'without delay',
  ).toEqual(watchers.map(() => 4))
})
