import assert from 'node:assert/strict'
import { seededRandom } from '@damselfly/core'
import { ListSwarm } from '../list-swarm.ts'
import { MAX_PARENTS, type ParentPolicy, POLICY_API_VERSION } from '../parent-policy.ts'
import type { SwarmView } from '../swarm-view.ts'
import { guarded } from './guarded-view.ts'
import { mixedSwarm } from './mixed-swarm.ts'

/** Throws when the policy breaks the rule that the check is named after. */
export type PolicyCheck = (makePolicy: () => ParentPolicy) => void

const SENTINEL = -7
/** A decision may look at so many peers, however large the swarm is. */
const MAX_LOOKS = 2000

const none = new Int32Array(0)

/** The answer; also checks that nothing but the first `k` places of `out` was written. */
function decide(
  policy: ParentPolicy,
  view: SwarmView,
  child: number,
  { k = 12, seed = 1, old = none }: { k?: number; seed?: number; old?: Int32Array } = {},
): number[] {
  const out = new Int32Array(k + 4).fill(SENTINEL)
  const count = policy.parents(view, child, k, seededRandom(seed), out, old)
  assert.ok(Number.isInteger(count) && count >= 0, `it tells ${count} parents`)
  assert.ok(count <= k, `it names ${count} parents instead of ${k}`)
  assert.deepEqual([...out.subarray(k)], [SENTINEL, SENTINEL, SENTINEL, SENTINEL])
  return [...out.subarray(0, count)]
}

function assertLawful(view: SwarmView, child: number, parents: readonly number[]): void {
  const { ids, size } = view.members
  const live = new Set(ids.subarray(0, size))
  assert.equal(new Set(parents).size, parents.length, `it repeats itself: ${parents}`)
  for (const parent of parents) {
    assert.ok(live.has(parent), `${parent} is not in the swarm`)
    assert.ok(view.mayServe(parent, child), `${parent} may not serve ${child}`)
  }
}

function isLawful(makePolicy: () => ParentPolicy): void {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed)
    const size = 2 + Math.floor(random.next() ** 3 * 300)
    const view = mixedSwarm(size, random, seed % 3 > 0)
    const child = Math.floor(random.next() * size)
    const k = 1 + Math.floor(random.next() * 20)
    const policy = makePolicy()
    const parents = decide(policy, view, child, { k, seed })
    assertLawful(view, child, parents)
    const old = Int32Array.from({ length: 8 }, () => Math.floor(random.next() * size))
    assertLawful(view, child, decide(policy, view, child, { k, seed, old }))
  }
}

function servesManyAtOnce(makePolicy: () => ParentPolicy): void {
  const view = mixedSwarm(1000, seededRandom(1))
  assertLawful(view, 5, decide(makePolicy(), view, 5, { k: MAX_PARENTS }))
}

function findsNobody(makePolicy: () => ParentPolicy): void {
  const alone = new ListSwarm({ capacity: 1 })
  alone.add({ have: 0, inDegree: 0 })
  assert.deepEqual(decide(makePolicy(), alone, 0), [])
  const refused = new ListSwarm({ capacity: 20 })
  for (let i = 0; i < 20; i++) refused.add({ isBlocked: true, isSeed: i === 0 })
  assert.deepEqual(decide(makePolicy(), refused, 7), [])
}

function findsTheOnlyOne(makePolicy: () => ParentPolicy): void {
  for (const places of [{}, { rack: 1, idc: 1, region: 1 }]) {
    const view = new ListSwarm({ capacity: 8 })
    const child = view.add({ ...places, have: 0, inDegree: 0 })
    const holder = view.add({ ...places })
    for (let i = 0; i < 6; i++) view.add({ ...places, have: 0, inDegree: 0 })
    assert.deepEqual(decide(makePolicy(), view, child), [holder])
  }
}

function isRepeatable(makePolicy: () => ParentPolicy): void {
  const view = mixedSwarm(300, seededRandom(1))
  const other = mixedSwarm(40, seededRandom(2), false)
  const policy = makePolicy()
  for (let seed = 0; seed < 50; seed++) {
    const first = decide(policy, view, seed, { seed })
    decide(policy, other, 3, { seed, old: Int32Array.of(4, 5) })
    assert.deepEqual(decide(policy, view, seed, { seed }), first)
    assert.deepEqual(decide(makePolicy(), view, seed, { seed }), first)
  }
}

function leavesTheViewAlone(makePolicy: () => ParentPolicy): void {
  const policy = makePolicy()
  const { view } = guarded(mixedSwarm(300, seededRandom(1)))
  for (let child = 0; child < 50; child++) {
    const old = Int32Array.of(1, 2, 3)
    decide(policy, view, child, { seed: child, old })
    assert.deepEqual([...old], [1, 2, 3])
  }
}

function staysCheap(makePolicy: () => ParentPolicy): void {
  const swarm = mixedSwarm(100_000, seededRandom(1))
  const policy = makePolicy()
  for (let child = 0; child < 20; child++) {
    const { view, looks } = guarded(swarm)
    decide(policy, view, child, { k: 16, seed: child })
    assert.ok(looks() <= MAX_LOOKS, `it looks at ${looks()} entries`)
  }
}

function saysWhatItIs(makePolicy: () => ParentPolicy): void {
  const { name, version, apiVersion } = makePolicy()
  assert.match(name, /^[a-z][a-z0-9-]{0,63}$/)
  assert.ok(Number.isInteger(version) && version >= 1)
  assert.equal(apiVersion, POLICY_API_VERSION)
}

function remembers(makePolicy: () => ParentPolicy): void {
  const view = mixedSwarm(300, seededRandom(1))
  const policy = makePolicy()
  if (policy.observe === undefined) return
  assert.ok(policy.save && policy.restore, 'what it learns can be neither saved nor restored')
  const random = seededRandom(3)
  for (let i = 0; i < 1000; i++) {
    const host = Math.floor(random.next() * 300)
    if (i % 10 === 0) policy.observe({ type: 'hostLeft', host })
    else policy.observe({ type: 'uplink', host, rate: random.next() * 3e8 })
  }
  const restored = makePolicy()
  restored.restore?.(JSON.parse(JSON.stringify(policy.save())))
  for (let child = 0; child < 50; child++) {
    const expected = decide(policy, view, child, { seed: child })
    assert.deepEqual(decide(restored, view, child, { seed: child }), expected)
  }
  assert.throws(() => makePolicy().restore?.('something else'), { code: 'InvalidArgument' })
}

/** By rule. */
export const policyChecks: Readonly<Record<string, PolicyCheck>> = {
  'says what it is': saysWhatItIs,
  'names at most k distinct members that may serve the child': isLawful,
  'names no more than there are when it is asked for many': servesManyAtOnce,
  'names nobody when there is nobody': findsNobody,
  'finds the only holder': findsTheOnlyOne,
  'answers the same for the same view and chance, whatever it was asked before': isRepeatable,
  'changes neither the view nor the old parents': leavesTheViewAlone,
  'looks at no more of a large swarm than of a small one': staysCheap,
  'can give away and take back what it has learned': remembers,
}
