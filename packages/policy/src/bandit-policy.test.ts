import { seededRandom } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { banditPolicy } from './bandit-policy.ts'
import { ListSwarm } from './list-swarm.ts'
import type { ParentPolicy } from './parent-policy.ts'

const hosts = 20
const best = 13

function swarm(): ListSwarm {
  const view = new ListSwarm({ capacity: hosts + 1 })
  for (let i = 0; i <= hosts; i++) view.add({ have: i === 0 ? 0 : 256 })
  return view
}

/** All declare the same; one sends four times that, the others half of it. */
const realRate = (host: number): number => (host === best ? 4e8 : 0.5e8)

/** How often each host was chosen, when every choice is followed by an observation. */
function play(
  policy: ParentPolicy,
  rounds: number,
  { rate = realRate, view = swarm(), k = 2 } = {},
): number[] {
  const random = seededRandom(1)
  const out = new Int32Array(k)
  const chosen = new Array<number>(hosts + 1).fill(0)
  for (let round = 0; round < rounds; round++) {
    const count = policy.parents(view, 0, k, random, out, new Int32Array(0))
    for (const host of out.subarray(0, count)) {
      chosen[host] = (chosen[host] ?? 0) + 1
      policy.observe?.({ type: 'uplink', host, rate: rate(host) })
    }
  }
  return chosen
}

describe('the bandit', () => {
  test('tries every host, then stays with the best', () => {
    const policy = banditPolicy.create()
    const early = play(policy, 40)
    for (let host = 1; host <= hosts; host++) expect(early[host], `host ${host}`).toBeGreaterThan(0)
    const late = play(policy, 200)
    expect(late[best]).toBe(200)
  })

  test.each([
    { exploration: 0, finds: 'never finds', atLeast: 0, atMost: 0 },
    { exploration: 0.5, finds: 'finds', atLeast: 250, atMost: 300 },
  ])('with $exploration for hope $finds a host that sends more than it says', (given) => {
    const view = swarm()
    view.host.upCapacity[best] = 0.8e8
    const chosen = play(banditPolicy.create({ exploration: given.exploration }), 300, {
      view,
      k: 1,
      rate: (host) => (host === best ? 4e8 : 1e8),
    })
    expect(chosen[best]).toBeGreaterThanOrEqual(given.atLeast)
    expect(chosen[best]).toBeLessThanOrEqual(given.atMost)
  })

  test('believes declarations when it is not to explore, until they turn out wrong', () => {
    const policy = banditPolicy.create({ exploration: 0 })
    const honest = play(policy, 30, { rate: () => 1e8 })
    expect(Math.max(...honest)).toBeLessThanOrEqual(30)
    policy.observe?.({ type: 'uplink', host: 3, rate: 0 })
    expect(play(policy, 30, { rate: () => 1e8 })[3]).toBe(0)
  })

  test('notices that the best became slow', () => {
    const policy = banditPolicy.create({ memory: 10 })
    play(policy, 200)
    const after = play(policy, 400, { rate: (host) => (host === best ? 1e6 : 1e8) })
    expect(after[best]).toBeLessThan(100)
  })

  test('knows nothing of a host that takes the slot of another', () => {
    const policy = banditPolicy.create({ exploration: 0 })
    for (let i = 0; i < 100; i++) policy.observe?.({ type: 'uplink', host: 5, rate: 9e8 })
    expect(play(policy, 1, { rate: () => 1e8 })[5]).toBe(1)
    policy.observe?.({ type: 'hostLeft', host: 5 })
    expect(policy.save?.()).toMatchObject({ hosts: expect.not.arrayContaining([[5, 9e8, 100]]) })
    expect(banditPolicy.create({ exploration: 0 }).save?.()).toEqual({ hosts: [] })
  })
})
