import { asHostId, asPeerId, asTaskId } from '@damselfly/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkInvariants } from './check-invariants.ts'
import { CONTENT_LENGTH, CoreFixture } from './core-fixture.ts'
import type { SchedulerEffect } from './effects.ts'
import type { SchedulerEvent } from './events.ts'
import type { PieceDigest } from './facts.ts'

const taskId = asTaskId('task')
const pieceCount = 4

/** A stream as its host sees it: what it recorded, overwritten by what it was told. */
interface Watcher {
  cursor: number
  readonly view: Map<number, PieceDigest>
  readonly toAnswer: Set<number>
}

type Step = (w: World) => unknown

const named = (what: unknown, run: Step): Step =>
  Object.assign(run, { [fc.toStringMethod]: () => JSON.stringify(what) })

/** Watchers that read when they like, and a memory of what the origin said first. */
class World extends CoreFixture {
  readonly watchers = new Map<number, Watcher>()
  /** The first BLAKE3 from the origin, by piece, since the content changed. */
  readonly sure = new Map<number, Uint8Array>()
  lastCall = 0

  override raw(event: SchedulerEvent): SchedulerEffect[] {
    const effects = super.raw(event)
    for (const effect of effects) {
      if (effect.type === 'digestsEnded') this.watchers.delete(effect.callId)
      if (effect.type === 'digestsContradicted' && effect.callId !== undefined) {
        for (const n of effect.numbers) this.watchers.get(effect.callId)?.toAnswer.add(n)
      }
    }
    expect(checkInvariants(this.core.state), `after ${JSON.stringify(event)}`).toEqual([])
    for (const [number, blake3] of this.sure) {
      if (this.core.digest(taskId, number) === undefined) this.sure.delete(number)
      else expect(this.core.digest(taskId, number)?.blake3, `piece ${number}`).toEqual(blake3)
    }
    return effects
  }

  open(): void {
    this.lastCall += 1
    this.watchers.set(this.lastCall, { cursor: 0, view: new Map(), toAnswer: new Set() })
    this.watches(this.lastCall)
  }

  recordAt(index: number, fromOrigin: boolean, pieces: readonly PieceDigest[]): void {
    const [callId, watcher] = this.pick(index)
    if (callId === undefined) return
    for (const piece of pieces) watcher?.view.set(piece.number, piece)
    this.records(callId, fromOrigin, ...pieces)
    for (const { number, blake3, crc32 } of pieces) {
      const stands = this.core.digest(taskId, number)
      const isTaken = isSame(blake3, stands?.blake3) && (crc32 ?? stands?.crc32) === stands?.crc32
      if (fromOrigin && isTaken && blake3 !== undefined) this.sure.set(number, blake3)
    }
  }

  read(index: number, max: number): void {
    const [callId, watcher] = this.pick(index)
    if (callId === undefined || watcher === undefined) return
    const news = this.core.digestsFrom(taskId, watcher.cursor, { except: callId, max })
    watcher.cursor = news.cursor
    for (const piece of news.pieces) watcher.view.set(piece.number, piece)
    for (const number of watcher.toAnswer) {
      const piece = this.core.digest(taskId, number)
      if (piece !== undefined) watcher.view.set(number, piece)
    }
    watcher.toAnswer.clear()
  }

  pick(index: number): [number, Watcher] | [undefined, undefined] {
    const all = [...this.watchers]
    return all[index % Math.max(1, all.length)] ?? [undefined, undefined]
  }
}

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && a.every((byte, i) => byte === b[i])

const piece = fc
  .record({ number: fc.nat(pieceCount - 1), value: fc.nat(2), has: fc.constantFrom(1, 2, 3, 3, 3) })
  .map(({ number, value, has }) => ({
    number,
    blake3: (has & 1) === 0 ? undefined : new Uint8Array(32).fill(value),
    crc32: (has & 2) === 0 ? undefined : value,
  }))

const who = fc.nat(5)
const facts = (etag: number) => ({
  contentLength: CONTENT_LENGTH,
  responseHeader: { etag: String(etag) },
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(named('open', (w) => w.open())) },
  {
    weight: 10,
    arbitrary: fc
      .tuple(who, fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 3 }))
      .map(([i, fromOrigin, pieces]) =>
        named({ record: i, fromOrigin, pieces }, (w) => w.recordAt(i, fromOrigin, pieces)),
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(who, fc.integer({ min: 1, max: 3 }))
      .map(([i, max]) => named({ read: i, max }, (w) => w.read(i, max))),
  },
  {
    weight: 2,
    arbitrary: who.map((i) =>
      named({ close: i }, (w) => {
        const [callId] = w.pick(i)
        if (callId === undefined) return
        w.watchers.delete(callId)
        w.apply({ type: 'digestsClosed', callId })
      }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(pieceCount - 1), fc.nat(2)).map(([number, value]) =>
      named({ announced: number, value }, (w) =>
        w.apply({
          type: 'pieceFinished',
          peerId: asPeerId('rust'),
          number,
          offset: 0,
          length: 4,
          digest: `crc32:${value}`,
          trafficType: 'backToSource',
          parentId: undefined,
          source: true,
        }),
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.boolean(), fc.nat(1)).map(([isStale, etag]) =>
      named({ facts: etag, isStale }, (w) => {
        w.lastCall += 1
        w.asks(w.lastCall, isStale ? facts(etag) : undefined)
        w.finds(w.lastCall, facts(etag))
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('register', 'delete', 'wait').map((what) =>
      named(what, (w) => {
        if (what === 'register') w.fetcher('rust')
        else if (what === 'wait') w.wait(31_000)
        else w.apply({ type: 'taskDeleted', hostId: asHostId('rust'), taskId })
      }),
    ),
  },
)

test('what the origin said first stands, and all who read to the end agree with it', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const world = new World()
      world.host('rust', { isOurs: false, announceIntervalMs: 3_600_000 })
      world.fetcher('rust')
      for (const run of steps) run(world)
      for (let i = 0; i < world.watchers.size; i++) world.read(i, 1000)
      for (const [callId, { view }] of world.watchers) {
        for (let n = 0; n < pieceCount; n++) {
          const stands = world.core.digest(taskId, n)
          const seen = view.get(n)
          // One's own record may have lacked a digest that was known, or be of bytes that nobody contradicted.
          if (seen?.blake3 !== undefined && stands?.blake3 !== undefined) {
            expect(seen.blake3, `call ${callId}, piece ${n}`).toEqual(stands.blake3)
          }
          if (seen?.crc32 !== undefined && stands?.crc32 !== undefined) {
            expect(seen.crc32, `call ${callId}, piece ${n}`).toEqual(stands.crc32)
          }
          expect(seen === undefined && stands !== undefined, `piece ${n} was not told`).toBe(false)
        }
      }
    }),
    { numRuns: 500 },
  )
})
