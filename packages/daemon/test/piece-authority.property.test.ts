import { setImmediate as nextTurn } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import {
  PieceDigestSchema,
  type PieceDigestsRequest,
  type PieceDigestsResponse,
  PieceDigestsResponseSchema,
} from '@damselfly/api/swarm'
import { AsyncQueue, asHostId, asTaskId, seededRandom, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { SchedulerCore } from '@damselfly/scheduler'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { SchedulerLink } from '../src/announce/scheduler-pool.ts'
import { PieceAuthority } from '../src/download/piece-authority.ts'

// Daemons and the scheduler's core, with every message as late as fast-check likes.

const taskId = asTaskId('task')
const pieceCount = 3
const hostCount = 3
const truth = 9
const link = { address: 'scheduler:1' } as SchedulerLink
const digests = (value: number) => ({ crc32: value, blake3: new Uint8Array(32).fill(value) })

/** A stream whose messages move when they are told to; the scheduler's end says what the real one says. */
class SlowStream {
  readonly toScheduler: PieceDigestsRequest[] = []
  readonly responses = new AsyncQueue<PieceDigestsResponse>(10_000)
  readonly toDaemon: PieceDigestsResponse[] = []
  readonly callId: number
  readonly contradicted = new Set<number>()
  #cursor = 0
  #accepted = 0
  #told = 0

  constructor(callId: number) {
    this.callId = callId
  }

  send(message: PieceDigestsRequest): Promise<void> {
    this.toScheduler.push(message)
    return Promise.resolve()
  }

  closeSend(): void {
    this.responses.close()
  }

  abort(): void {
    this.responses.close()
  }

  arrive(world: World): void {
    const request = this.toScheduler.shift()?.request
    if (request?.case === 'watch') {
      const hostId = asHostId(request.value.hostId)
      world.apply({ type: 'digestsWatched', callId: this.callId, taskId, hostId })
    } else if (request?.case === 'record') {
      const { pieces, fromOrigin } = request.value
      const said = pieces.map(({ number, blake3, crc32 }) => ({ number, blake3, crc32 }))
      world.apply({ type: 'digestsRecorded', callId: this.callId, pieces: said, fromOrigin })
      this.#accepted += 1
    }
  }

  /** The scheduler writes a message, when it has something to say. */
  write({ core }: World): void {
    const answers = [...this.contradicted].map((n) => core.digest(taskId, n))
    this.contradicted.clear()
    const news = core.digestsFrom(taskId, this.#cursor, { except: this.callId, max: 2 })
    this.#cursor = news.cursor
    const pieces = [...answers, ...news.pieces].filter((p) => p !== undefined)
    if (pieces.length === 0 && this.#accepted === this.#told) return
    this.#told = this.#accepted
    this.toDaemon.push(
      create(PieceDigestsResponseSchema, {
        pieces: pieces.map(({ number, blake3, crc32 }) =>
          create(PieceDigestSchema, { number, blake3: blake3!, crc32: crc32! }),
        ),
        accepted: BigInt(this.#accepted),
      }),
    )
  }

  read(): void {
    const message = this.toDaemon.shift()
    if (message !== undefined) this.responses.push(message)
  }
}

class World {
  core = World.#newCore()
  readonly clock = new FakeClock()
  readonly streams: SlowStream[] = []
  readonly hosts: PieceAuthority[]
  /** By host. */
  readonly contradictions: Set<number>[] = []
  /** Pieces that each host took from the origin. */
  readonly taken: Set<number>[] = []
  #callId = 0

  constructor() {
    this.hosts = Array.from({ length: hostCount }, (_, i) => {
      const authority = new PieceAuthority(
        { taskId, hostId: `h${i}`, pieceCount },
        {
          clock: this.clock,
          log: silentLog,
          openDigests: () => {
            this.#callId += 1
            this.streams[i] = new SlowStream(this.#callId)
            return this.streams[i]
          },
        },
      )
      this.taken.push(new Set())
      this.contradictions.push(new Set())
      authority.onContradiction((number) => void this.contradictions[i]?.add(number))
      authority.connect(link)
      return authority
    })
  }

  static #newCore(): SchedulerCore {
    const policy = { score: () => 0 } as never
    return new SchedulerCore({}, { policy, random: seededRandom(1) })
  }

  apply(event: Parameters<SchedulerCore['apply']>[0]): void {
    for (const effect of this.core.apply(event, this.clock.now())) {
      if (effect.type !== 'digestsContradicted') continue
      const stream = this.streams.find(({ callId }) => callId === effect.callId)
      for (const number of effect.numbers) stream?.contradicted.add(number)
    }
  }

  /** Whoever took a piece from the origin holds that and nothing else. */
  record(host: number, number: number, value: number, fromOrigin: boolean): void {
    const own = this.taken[host]
    if (!fromOrigin && own?.has(number) === true) return
    if (fromOrigin) {
      own?.add(number)
      // What was said of the piece before it was taken from the origin does not matter.
      this.contradictions[host]?.delete(number)
    }
    void this.hosts[host]?.record([{ number, digests: digests(value) }], fromOrigin)
  }

  reconnect(host: number): void {
    const old = this.streams[host]
    this.hosts[host]?.connect(link)
    if (old !== undefined) this.apply({ type: 'digestsClosed', callId: old.callId })
  }

  restart(): void {
    this.core = World.#newCore()
    for (const host of this.hosts) host.connect(link)
  }

  async drain(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      for (const stream of this.streams) {
        while (stream.toScheduler.length > 0) stream.arrive(this)
        for (let i = 0; i < 5; i++) stream.write(this)
        while (stream.toDaemon.length > 0) stream.read()
      }
      await nextTurn()
    }
  }
}

type Step = (world: World) => void
const named = (what: unknown, run: Step): Step =>
  Object.assign(run, { [fc.toStringMethod]: () => JSON.stringify(what) })

const host = fc.nat(hostCount - 1)
const number = fc.nat(pieceCount - 1)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(host, number)
      .map(([h, n]) => named({ origin: n, h }, (w) => w.record(h, n, truth, true))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(host, number, fc.nat(2))
      .map(([h, n, v]) => named({ held: n, h, v }, (w) => w.record(h, n, v, false))),
  },
  {
    weight: 10,
    arbitrary: fc.tuple(host, fc.constantFrom('arrive', 'write', 'read')).map(([h, what]) =>
      named({ [what]: h }, (w) => {
        const stream = w.streams[h]
        if (what === 'arrive') stream?.arrive(w)
        else if (what === 'write') stream?.write(w)
        else stream?.read()
      }),
    ),
  },
  { weight: 1, arbitrary: host.map((h) => named({ reconnect: h }, (w) => w.reconnect(h))) },
  { weight: 1, arbitrary: fc.constant(named('restart', (w) => w.restart())) },
)

it('in the end all know what the scheduler holds, which is what the origin gave, and nobody doubts that', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
      const world = new World()
      for (const run of steps) {
        run(world)
        await nextTurn()
      }
      await world.drain()
      for (let n = 0; n < pieceCount; n++) {
        const stands = world.core.digest(taskId, n)
        const expected = stands && { crc32: stands.crc32, blake3: stands.blake3 }
        if (world.taken.some((own) => own.has(n)))
          expect(expected, `piece ${n}`).toEqual(digests(truth))
        for (const [i, authority] of world.hosts.entries()) {
          const seen = await peek(authority, n, world.clock)
          expect(seen, `host ${i}, piece ${n}`).toEqual(expected)
        }
      }
      for (const [h, own] of world.taken.entries()) {
        const wrong = [...own].filter((n) => world.contradictions[h]?.has(n))
        expect(wrong, `host ${h} took these from the origin`).toEqual([])
      }
      for (const authority of world.hosts) authority.close()
    }),
    { numRuns: 300 },
  )
})

/** What is known now, without waiting for more. */
async function peek(authority: PieceAuthority, number: number, clock: FakeClock) {
  const answer = authority.expected(number, new AbortController().signal)
  await clock.advance(1_000)
  return await answer
}
