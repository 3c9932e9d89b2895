import { asHostId, asPeerId, asTaskId, seededRandom } from '@damselfly/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkInvariants } from './check-invariants.ts'
import { CONTENT_LENGTH, CoreFixture, hostOf, pieces } from './core-fixture.ts'
import type { SchedulerEffect } from './effects.ts'
import type { SchedulerEvent } from './events.ts'
import type { DownloadFacts } from './facts.ts'
import { selectParents } from './select-parents.ts'
import { reachOf } from './serve.ts'
import { missingPieces } from './swarm.ts'

const hosts = ['h0', 'h1', 'h2', 'h3', 'foreign', 'private', 'seed0', 'seed1']
const peerIds = hosts.flatMap((h) => [`${h}/0`, `${h}/1`])
const messages = [
  'peerStarted',
  'backToSourceStarted',
  'peerFinished',
  'backToSourceFinished',
  'peerFailed',
  'backToSourceFailed',
  'streamClosed',
  'peerDeleted',
] as const
const ranges = [undefined, undefined, undefined, pieces(0, 4), pieces(2, 6), pieces(6, 10)]

type Step = (w: World) => unknown

/** A step that fast-check can print. */
function named(what: unknown, run: Step): Step {
  return Object.assign(run, { [fc.toStringMethod]: () => JSON.stringify(what) })
}

/** A fixture that knows which streams and seed calls are open, and checks every effect against them. */
class World extends CoreFixture {
  readonly open = new Set<string>()
  readonly triggers = new Map<number, string>()
  readonly lastAnswer = new Map<string, SchedulerEffect>()

  override raw(event: SchedulerEvent): SchedulerEffect[] {
    if (event.type === 'peerRegistered') this.open.add(event.peerId)
    if (event.type === 'streamClosed') this.open.delete(event.peerId)
    const effects = super.raw(event)
    for (const effect of effects) this.#check(effect)
    expect(checkInvariants(this.core.state), `after ${JSON.stringify(event)}`).toEqual([])
    if (event.type === 'tick') this.#checkNobodyIsForgotten()
    return effects
  }

  announce(host: string): void {
    this.host(host, {
      type: host.startsWith('seed') ? 1 : 0,
      disableShared: host === 'private',
      isOurs: host !== 'foreign',
      announceIntervalMs: 60_000,
    })
  }

  #check(effect: SchedulerEffect): void {
    if (effect.type === 'triggerSeed') this.triggers.set(effect.triggerId, effect.hostId)
    if (effect.type === 'cancelSeedTrigger') {
      expect(this.triggers.delete(effect.triggerId), 'only an open call is cancelled').toBe(true)
    }
    if (!('peerId' in effect)) return
    expect(this.open.has(effect.peerId), `${effect.type} to ${effect.peerId}`).toBe(true)
    if (effect.type === 'endStream') this.open.delete(effect.peerId)
    this.lastAnswer.set(effect.peerId, effect)
    if (effect.type !== 'normal') return
    expect(effect.parents.length).toBeGreaterThan(0)
    expect(new Set(effect.parents).size).toBe(effect.parents.length)
    for (const parent of effect.parents) {
      expect(hostOf(parent)).not.toBe(hostOf(effect.peerId))
      expect(hostOf(parent)).not.toBe('private')
      expect(this.core.statPeer(parent)).toBeDefined()
    }
  }

  /** Between ticks a block may run out unnoticed, so this holds after each tick. */
  #checkNobodyIsForgotten(): void {
    const { state } = this.core
    for (const task of state.waitingTasks) {
      for (const peer of task.waiting.keys()) {
        const missing = missingPieces(peer)
        if (missing.isEmpty) continue
        const { rest } = selectParents(state, peer, missing, reachOf(state, peer))
        expect(rest.isEmpty, `${peer.id} could have been served`).toBe(false)
      }
    }
  }
}

const peerId = fc.constantFrom(...peerIds)

const registration: fc.Arbitrary<Step> = fc
  .record({ id: peerId, range: fc.constantFrom(...ranges), flags: fc.nat(15), length: fc.nat(9) })
  .map(({ id, range, flags, length }) => {
    const download: Partial<DownloadFacts> = {
      ...(range === undefined ? {} : { range }),
      needBackToSource: flags === 1 || (id.startsWith('seed') && flags % 2 === 0),
      metadataOnly: flags === 3,
      disableBackToSource: flags === 5,
      priority: flags === 7 ? 3 : 0,
      ...(length === 0 ? { contentLength: undefined } : {}),
      ...(length === 1 ? { contentLength: 8_000_000 } : {}),
      ...(length === 2 ? { contentLength: 0 } : {}),
    }
    return named({ register: id, ...download }, (w) => w.register(id, download))
  })

const message: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(...messages), peerId)
  .map(([type, id]) => named({ [type]: id }, (w) => w.say(type, id)))

const piece: fc.Arbitrary<Step> = fc
  .tuple(peerId, fc.nat(11), fc.constantFrom('origin', 'local', ...peerIds))
  .map(([id, n, from]) => named({ piece: n, id, from }, (w) => w.piece(id, n, from)))

const reschedule: fc.Arbitrary<Step> = fc
  .tuple(peerId, fc.subarray(peerIds, { maxLength: 4 }))
  .map(([id, not]) => named({ reschedule: id, not }, (w) => w.reschedule(id, ...not)))

const failure: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(peerId, peerId, fc.boolean())
    .map(([id, of, temporary]) =>
      named({ pieceFailed: id, of, temporary }, (w) => w.pieceFailed(id, of, temporary)),
    ),
  fc
    .tuple(peerId, fc.constantFrom(404, 403, 500, undefined))
    .map(([id, status]) => named({ sourceFails: id, status }, (w) => w.sourceFails(id, status))),
  fc.tuple(fc.nat(3), fc.boolean(), fc.boolean()).map(([n, isWell, isUnreachable]) =>
    named({ triggerEnds: n, isWell, isUnreachable }, (w) => {
      const id = [...w.triggers.keys()][n]
      if (id === undefined) return
      w.triggers.delete(id)
      w.triggerEnded(id, isWell ? undefined : { isUnreachable })
    }),
  ),
)

const ours: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(peerId, fc.subarray([0, 3, 5, 9, 11]), fc.subarray(peerIds, { maxLength: 3 }))
    .map(([id, pieces, failedParents]) =>
      named({ report: id, pieces, failedParents }, (w) =>
        w.report(id, pieces, { failedParents: failedParents.map(asPeerId) }),
      ),
    ),
  fc
    .tuple(
      peerId,
      fc.constantFrom('starved' as const, 'slow' as const, 'lost' as const),
      fc.subarray(peerIds, { maxLength: 3 }),
    )
    .map(([id, why, not]) =>
      named({ askParents: id, why, not }, (w) => w.askParents(id, why, ...not)),
    ),
  fc
    .tuple(peerId, fc.constantFrom('all' as const, [0, 1, 2], [7]), fc.boolean(), fc.nat(2))
    .map(([id, what, isSame, version]) =>
      named({ holds: id, what, isSame, version }, (w) =>
        w.holds(id, what, {
          contentLength: isSame ? CONTENT_LENGTH : CONTENT_LENGTH + 1,
          ...(version === 0 ? {} : { etag: `"${version}"` }),
        }),
      ),
    ),
)

const hostStep: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom('announce', 'announce', 'leave', 'deleteTask'), fc.constantFrom(...hosts))
  .map(([what, id]) =>
    named({ [what]: id }, (w) => {
      const hostId = asHostId(id)
      if (what === 'announce') w.announce(id)
      else if (what === 'leave') w.apply({ type: 'hostDeleted', hostId })
      else w.apply({ type: 'taskDeleted', hostId, taskId: asTaskId('task') })
    }),
  )

const known = (etag: number) => ({
  contentLength: CONTENT_LENGTH,
  responseHeader: { etag: String(etag) },
})

const resolve: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom('ask', 'stale', 'stale', 'found', 'found', 'closed'), fc.nat(7), fc.nat(1))
  .map(([what, callId, etag]) =>
    named({ resolve: what, callId, etag }, (w) => {
      if (what === 'ask') w.asks(callId)
      else if (what === 'stale') w.asks(callId, known(etag))
      else if (what === 'found') w.finds(callId, known(etag))
      else w.apply({ type: 'resolveClosed', callId })
    }),
  )

const time: fc.Arbitrary<Step> = fc
  .constantFrom(1_000, 5_000, 11_000, 31_000)
  .map((ms) => named({ wait: ms }, (w) => w.wait(ms)))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: registration },
  { weight: 10, arbitrary: message },
  { weight: 6, arbitrary: piece },
  { weight: 4, arbitrary: reschedule },
  { weight: 6, arbitrary: failure },
  { weight: 6, arbitrary: ours },
  { weight: 4, arbitrary: hostStep },
  { weight: 4, arbitrary: resolve },
  { weight: 4, arbitrary: time },
)

test('no order of events breaks the tables, makes two peers go to the origin, or forgets a waiting peer', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
      const world = new World()
      for (const h of hosts) world.announce(h)
      for (const run of steps) run(world)
    }),
    { numRuns: 200 },
  )
})

test('after any history everybody is done once all behave', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), fc.nat(), (steps, seed) => {
      const world = new World({ sourceRefusalLimit: 1000 })
      for (const h of hosts) world.announce(h)
      for (const run of steps) run(world)
      for (const id of world.open) world.register(id)
      const random = seededRandom(seed)
      for (let round = 0; round < 100 && world.open.size > 0; round++) behave(world, random.next)
      const left = [...world.open].map((id) => `${id}: ${JSON.stringify(world.lastAnswer.get(id))}`)
      expect(left, 'these are still downloading').toEqual([])
    }),
    { numRuns: 100 },
  )
})

/** One round of a swarm in which everybody does what it was told. */
function behave(world: World, random: () => number): void {
  for (const h of hosts) world.announce(h)
  for (const [id, host] of [...world.triggers]) {
    world.triggers.delete(id)
    const seedPeer = `${host}/${id}`
    world.register(seedPeer, { needBackToSource: true })
  }
  for (const id of [...world.open]) {
    const last = world.lastAnswer.get(id)
    const peer = world.core.statPeer(asPeerId(id))
    if (peer === undefined || random() < 0.3) continue
    if (last?.type === 'needBackToSource') {
      world.say(peer.state === 'BackToSource' ? 'backToSourceFinished' : 'backToSourceStarted', id)
    } else if (last?.type === 'metadataOnly' || last?.type === 'empty') {
      world.say('peerFinished', id)
    } else if (last?.type === 'normal') {
      download(world, id, last.parents)
    }
    // A later answer is found in the next round.
    if (last !== undefined && world.lastAnswer.get(id) === last) world.lastAnswer.set(id, last)
  }
  world.wait(1_000)
}

function download(world: World, id: string, parents: readonly string[]): void {
  const { state } = world.core
  const peer = state.peers.get(asPeerId(id))
  if (peer === undefined) return
  world.say('peerStarted', id)
  const alive = parents.map((p) => state.peers.get(asPeerId(p))).filter((p) => p !== undefined)
  if (peer.isWaiting) {
    for (const parent of alive) {
      for (let n = 0; n < 10; n++) {
        if (parent.holds(n) && !peer.holds(n)) world.piece(id, n, parent.id)
      }
    }
    return
  }
  const missing = missingPieces(peer)
  for (const parent of alive) parent.removeHeld(missing)
  if (missing.isEmpty) world.say('peerFinished', id)
  else if (!alive.some((p) => p.isStreamOpen)) world.reschedule(id, ...parents)
  // Parents live, but nothing comes from them: our daemons ask again after two seconds.
  else if (peer.host.facts.isOurs) world.reschedule(id)
}
