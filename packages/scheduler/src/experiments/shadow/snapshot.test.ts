import { type Random, seededRandom } from '@damselfly/core'
import { createPolicy, type ParentPolicy } from '@damselfly/policy'
import { describe, expect, it } from 'vitest'
import { replay } from './replay.ts'
import { chances, firstMembers, randomSwarm } from './shadow-fixture.ts'
import { readSnapshot, type Snapshot, takeSnapshot, viewOf } from './snapshot.ts'
import { Snapshots, type SnapshotsDeps } from './snapshots.ts'
import { watchedPolicy } from './watched-policy.ts'

const clock = { monotonic: () => 0 }
const none = new Int32Array(0)

function recorder(share: number, change: Partial<SnapshotsDeps> = {}) {
  const taken: Snapshot[] = []
  const write = (snapshot: Snapshot) => {
    const read = readSnapshot(JSON.parse(JSON.stringify(snapshot)))
    if (read !== undefined) taken.push(read)
  }
  const deps = { random: chances(0), isLate: () => false, write, ...change }
  return { taken, snapshots: new Snapshots({ share }, deps) }
}

/** Decisions for `count` children, as the scheduler would ask for them. */
function decide(policy: ParentPolicy, count: number, random: Random): number[][] {
  const view = randomSwarm(120)
  return Array.from({ length: count }, (_, child) => {
    const out = new Int32Array(8)
    const old = Int32Array.from([(child + 60) % 120])
    return [...out.subarray(0, policy.parents(view, child, 8, random, out, old))]
  })
}

describe('snapshots', () => {
  it.each(['default', 'random', 'two-choices', 'dragonfly', 'bandit'])(
    'of %s give the same choices again',
    (name) => {
      const { taken, snapshots } = recorder(1)
      const policy = watchedPolicy(createPolicy(name), { snapshots })
      const chosen = decide(policy, 30, seededRandom(1))
      expect(taken.map((snapshot) => [...snapshot.chosen])).toEqual(chosen)
      const report = replay(taken, createPolicy(name), { clock })
      expect(report).toMatchObject({ decisions: 30, overlap: 1, sameFirst: 1 })
    },
  )

  it('tell policies apart', () => {
    const { taken, snapshots } = recorder(1)
    decide(watchedPolicy(createPolicy('default'), { snapshots }), 30, seededRandom(1))
    const report = replay(taken, createPolicy('random'), { clock })
    expect(report.overlap).toBeGreaterThan(0)
    expect(report.overlap).toBeLessThan(0.5)
  })

  it('show any policy what the one in use saw', () => {
    const view = randomSwarm(50)
    const decision = { view, child: 9, k: 4, old: Int32Array.from([3]), chosen: none }
    const taken = takeSnapshot(decision, { policy: 'p', policyVersion: 2, seed: 5 })
    expect(taken).toMatchObject({
      policy: 'p',
      policyVersion: 2,
      seed: 5,
      child: 9,
      k: 4,
      old: [3],
    })
    const seen = viewOf(taken)
    expect(seen.task).toEqual(view.task)
    expect(seen.host.upCapacity).toEqual(view.host.upCapacity)
    expect(seen.peer).toEqual(view.peer)
    for (let peer = 0; peer < 50; peer++) {
      expect(seen.usefulPieces(peer, 9)).toBe(view.usefulPieces(peer, 9))
      expect(seen.mayServe(peer, 9)).toBe(view.mayServe(peer, 9))
    }
    for (const list of ['members', 'holders', 'expecting', 'seeds'] as const) {
      expect([...seen[list].ids]).toEqual([...view[list].ids.subarray(0, view[list].size)])
    }
    const rack = view.rackMembers(2)
    expect([...seen.rackMembers(2).ids]).toEqual([...rack.ids.subarray(0, rack.size)])
    expect(seen.rackMembers(0).size).toBe(0)
  })

  it('are passed over when they do not fit together', () => {
    const view = randomSwarm(10)
    const decision = { view, child: 0, k: 1, old: none, chosen: none }
    const good = takeSnapshot(decision, { policy: 'p', policyVersion: 1, seed: 1 })
    expect(readSnapshot(good)).toEqual(good)
    for (const change of [
      { child: 10 },
      { useful: [1] },
      { holders: [99] },
      { racks: [[1, [10]]] },
      { peers: { ...good.peers, host: Array(10).fill(10) } },
      { k: 0 },
    ]) {
      expect(readSnapshot({ ...good, ...change })).toBeUndefined()
    }
    expect(readSnapshot('x')).toBeUndefined()
  })
})

describe('Snapshots', () => {
  it('takes a share', () => {
    const { snapshots } = recorder(0.01, { random: chances(0.009, 0.011, 0.5) })
    const view = randomSwarm(10)
    expect([1, 2, 3].map(() => snapshots.draws(view))).toEqual([true, false, false])
  })

  it('takes none of large swarms, and not too many in a second', () => {
    const { snapshots } = recorder(1)
    expect(snapshots.draws(randomSwarm(2_001))).toBe(false)
    const view = randomSwarm(1_500)
    const drawn = Array.from({ length: 20 }, () => snapshots.draws(view)).filter(Boolean)
    expect(drawn).toHaveLength(13)
    expect(snapshots.draws({ ...view, now: 1_000, members: view.members })).toBe(true)
  })

  it('takes none while the scheduler is late', () => {
    const { snapshots } = recorder(1, { isLate: () => true })
    expect(snapshots.draws(randomSwarm(10))).toBe(false)
  })
})

describe('watchedPolicy', () => {
  it('answers like the policy that it watches', () => {
    const { snapshots } = recorder(0.5, { random: seededRandom(3) })
    const policy = createPolicy('two-choices')
    const plain = decide(policy, 40, seededRandom(2))
    expect(decide(watchedPolicy(policy, {}), 40, seededRandom(2))).toEqual(plain)
    const first = firstMembers('first')
    const watched = watchedPolicy(first, { snapshots })
    expect(decide(watched, 40, seededRandom(2))).toEqual(decide(first, 40, seededRandom(2)))
  })

  it('passes on what the policy learns and wants', () => {
    const seen: unknown[] = []
    const inner = firstMembers('learner', {
      client: () => ({ concurrency: 9 }),
      observe: (observation) => void seen.push(observation),
      save: () => 'saved',
      restore: (saved) => void seen.push(saved),
    })
    const outer = watchedPolicy(inner, {})
    outer.observe?.({ type: 'hostLeft', host: 1 })
    outer.restore?.('x')
    expect([outer.client?.(randomSwarm(2), 0), outer.save?.()]).toEqual([
      { concurrency: 9 },
      'saved',
    ])
    expect(seen).toEqual([{ type: 'hostLeft', host: 1 }, 'x'])
    expect(watchedPolicy(firstMembers('plain'), {})).not.toHaveProperty('observe')
  })
})
